/**
  Whether what opens the driver's libraries finds them: environments of the catalogue on a machine that has a driver in
  the driver's folder and nowhere else.

  The driver is made of the two files beside this one and has no GPU; it writes down where it was opened. The package
  set is the same but for the driver's folder, which lies in the store, so that builds may look.
*/
{ pkgs }:
let
  fake = pkgs.stdenv.mkDerivation {
    name = "axle-fake-driver";
    passAsFile = [ "buildCommand" ];
    buildCommand = ''
      mkdir -p $out/lib $out/other
      for folder in lib other; do
        $CC -shared -fPIC -I${./driver} ${./driver}/cuda.c -Wl,-soname,libcuda.so.1 -o $out/$folder/libcuda.so.1
        $CC -shared -fPIC -I${./driver} ${./driver}/nvml.c -Wl,-soname,libnvidia-ml.so.1 -o $out/$folder/libnvidia-ml.so.1
      done
      ln -s libcuda.so.1 $out/lib/libcuda.so
    '';
  };
  withDriver = pkgs.extend (
    _: prev: {
      addDriverRunpath = prev.addDriverRunpath // {
        driverLink = fake;
      };
    }
  );

  cells = {
    cuda12 = {
      cuda = "12.8";
      torch = "2.9.1";
      packages = [
        "cuda-bindings"
        "numba"
        "nvidia-cuda-runtime-cu12"
        "nvidia-ml-py"
      ];
    };
    cuda13 = {
      cuda = "13.0";
      torch = "2.11.0";
      packages = [
        "cuda-bindings"
        "nvidia-cuda-runtime"
      ];
    };
  };
  environment =
    packageSet: cell:
    (packageSet.axle.concretise {
      inherit (cell) cuda torch;
      python = "3.11";
      computeCapabilities = [ "9.0" ];
      packages = highLevel: map (name: highLevel.${name}) cell.packages;
    }).python;

  # Each of the questions of ask.py in a process of its own, with an empty environment: with the driver in its folder, with
  # another one where LD_LIBRARY_PATH says, and with none.
  asked = cell: ''
    ask() {
      rm -f log
      env -i AXLE_FAKE_DRIVER_LOG=$PWD/log "$@" || exit 1
      opened=$(if [ -e log ]; then sort -u log; fi)
    }
    # Some ask for `libcuda.so` first.
    lies() {
      if [ "''${opened%.1}" != "$1" ]; then
        echo "$question opened ''${opened:-nothing}, not ''${1:-anything}$2" >&2
        exit 1
      fi
    }
    for question in ${toString cell.packages}; do
      case $question in
        nvidia-ml-py) library=libnvidia-ml.so ;;
        *) library=libcuda.so ;;
      esac
      ask ${environment withDriver cell}/bin/python3 -I ${./driver/ask.py} $question found
      lies ${fake}/lib/$library
      ask LD_LIBRARY_PATH=${fake}/other ${environment withDriver cell}/bin/python3 -I ${./driver/ask.py} $question found
      lies ${fake}/other/$library ", where LD_LIBRARY_PATH says"
      ask ${environment pkgs cell}/bin/python3 -I ${./driver/ask.py} $question missing
      lies "" ", for there is no driver"
    done
    touch $out
  '';

  buildLayer = import ../overlays/layers/build.nix { pkgs = withDriver; };
in
{
  inherit withDriver;

  checks = {
    driver-cuda12 = pkgs.runCommand "axle-driver-cuda12" { } (asked cells.cuda12);
    driver-cuda13 = pkgs.runCommand "axle-driver-cuda13" { } (asked cells.cuda13);

    # Python code finds the driver however it opens it, keeps its lines, and is left alone where it opens none.
    driver-python = pkgs.runCommand "axle-driver-python" { } ''
      patch() (
        cd $1
        axleOpensDriver=$2
        ${buildLayer.patchPython "some-package"}
      )
      mkdir opens other cython cython/compiled cython/empty
      cp ${./driver/python}/*.py opens
      patch opens ""
      [ "$(wc -l < opens/opens.py)" = "$(wc -l < ${./driver/python}/opens.py)" ]
      cmp opens/names.py ${./driver/python}/names.py
      env -i AXLE_FAKE_DRIVER_LOG=$PWD/log ${pkgs.python311.interpreter} opens/opens.py
      printf '%s\n' ${fake}/lib/libnvidia-ml.so.1 ${fake}/lib/libcuda.so.1 | cmp - log

      echo 'import ctypes; NAME = "libz.so.1"' > other/other.py
      cp other/other.py expected
      patch other yes
      cmp other/other.py expected
      [ "$(ls other)" = other.py ]

      # What Cython compiled shows no name: its package is told as soon as it is imported.
      printf '"""\nimport nothing\n"""\nfrom __future__ import annotations\nimport ctypes\n' > cython/compiled/__init__.py
      touch cython/empty/__init__.py
      echo __pyx_capi__ > cython/compiled/_a.cpython-311-x86_64-linux-gnu.so
      cp -r cython calm
      patch cython yes
      sed -n 5p cython/compiled/__init__.py | grep -qx 'import axle_driver_some_package; import ctypes'
      grep -qx 'import axle_driver_some_package' cython/empty/__init__.py
      (cd cython && env -i ${pkgs.python311.interpreter} -c 'import compiled, empty, ctypes; ctypes.CDLL("libcuda.so.1")')
      patch calm ""
      [ "$(ls calm)" = "$(printf 'compiled\nempty')" ]
      touch $out
    '';

    # What is read from a member: the driver's folder comes last, for what may open it and for nothing else.
    driver-search-path = pkgs.stdenv.mkDerivation {
      name = "axle-driver-search-path";
      nativeBuildInputs = [ pkgs.patchelf ];
      passAsFile = [ "buildCommand" ];
      buildCommand = ''
        mkdir wheel stubs
        cd wheel
        library() { $CC -shared -fPIC -x c - -x none -Wl,--no-as-needed -o "$@" -Wl,--disable-new-dtags,-rpath,/upstream; }
        echo 'int any;' | library ../stubs/libcudart.so.12 -Wl,-soname,libcudart.so.12
        echo 'int any;' | library ../stubs/libcuda.so.1 -Wl,-soname,libcuda.so.1
        echo 'int plain;' | library plain.so
        echo 'const char *name = "libnvidia-ml.so.1";' | library names.so
        echo 'int code __attribute__((section(".nv_fatbin"))) = 1;' | library code.so
        echo 'int needs;' | library needs.so ../stubs/libcudart.so.12
        echo 'int driver;' | library driver.so ../stubs/libcuda.so.1
        ${buildLayer.patchByNeed {
          providers."libcudart.so.12" = "/cudart";
          cuda = [ "libcudart.so.12" ];
          every = false;
          advice = "";
        }}
        searches() {
          if [ "$(patchelf --print-rpath $1)" != "$2" ] || readelf -d $1 | grep -q '(RPATH)'; then
            readelf -d $1 >&2
            exit 1
          fi
        }
        searches plain.so ${pkgs.glibc}/lib
        for member in names.so code.so driver.so; do searches $member ${pkgs.glibc}/lib:${fake}/lib; done
        searches needs.so /cudart:${pkgs.glibc}/lib:${fake}/lib
        touch $out
      '';
    };
  };
}
