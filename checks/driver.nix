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
      # What is linked to the driver needs any function of it, old ones too: all that the headers of two releases name.
      cat ${headers cells.cuda12} ${headers cells.cuda13} | grep -oE '\bcu[A-Z][A-Za-z0-9]+(_v[0-9]+)?(_ptsz|_ptds)?\b' | sort -u > functions
      [ "$(grep -c . functions)" -gt 500 ]
      sed 's/.*/__attribute__((weak)) int &(void) { return 100; }/' functions > functions.c
      # By file: what is asked may change, and this path stands in every build.
      cp ${./driver/opened.h} opened.h
      cp ${./driver/cuda.c} cuda.c
      cp ${./driver/nvml.c} nvml.c
      mkdir -p $out/lib $out/other
      for folder in lib other; do
        $CC -shared -fPIC cuda.c functions.c -Wl,-soname,libcuda.so.1 -o $out/$folder/libcuda.so.1
        $CC -shared -fPIC nvml.c -Wl,-soname,libnvidia-ml.so.1 -o $out/$folder/libnvidia-ml.so.1
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
      torch = "2.8.0";
      packages = [
        "cuda-bindings"
        "cuda-core"
        "cuda-python"
        "numba"
        "nvidia-cuda-runtime-cu12"
        "nvidia-ml-py"
      ];
    };
    cuda13 = {
      cuda = "13.0";
      torch = "2.10.0";
      packages = [
        "cuda-bindings"
        "cuda-core"
        "cuda-python"
        "nvidia-cuda-runtime"
      ];
    };
  };
  concretised =
    packageSet: cell:
    packageSet.axle.concretise {
      inherit (cell) cuda torch;
      python = "3.11";
      computeCapabilities = [ "9.0" ];
      packages = highLevel: map (name: highLevel.${name}) cell.packages;
    };
  environment = packageSet: cell: (concretised packageSet cell).python;
  headers =
    cell:
    let
      inherit (concretised pkgs cell) builds;
    in
    "${builds.nvidia-cuda-runtime or builds.nvidia-cuda-runtime-cu12}/wheel/nvidia/*/include/cuda.h";

  # What is asked, and of what: questions.py and ask.py.
  asked =
    name: cell:
    pkgs.runCommand "axle-driver-${name}" { } ''
      ${environment pkgs cell}/bin/python3 ${./driver}/ask.py ${fake} ${environment withDriver cell}/bin/python3 \
        ${toString cell.packages} --without ${environment pkgs cell}/bin/python3
      touch $out
    '';

  cpu = builtins.head (builtins.match "([^-]+)-.*" pkgs.stdenv.hostPlatform.system);
  triplet = "${cpu}-linux-gnu";
  machine = if cpu == "x86_64" then "x86-64" else "AArch64";

  buildLayer = import ../overlays/layers/build.nix { pkgs = withDriver; };
in
{
  environments = import ./environments.nix { pkgs = withDriver; } // {
    inherit fake;
    locks = import ./locks.nix { pkgs = withDriver; };
  };

  checks = {
    driver-cuda12 = asked "cuda12" cells.cuda12;
    driver-cuda13 = asked "cuda13" cells.cuda13;

    # Where the driver is none of NixOS: on Ubuntu, on WSL2 beside a driver for Linux, in a container; with what else lies in
    # these folders, which must not come along.
    driver-elsewhere = pkgs.runCommand "axle-driver-elsewhere" { } ''
      export HOME=$PWD/home
      wsl=usr/lib/wsl/lib debian=usr/lib/${triplet}
      mkdir -p ubuntu/{$debian,sbin} ubuntu/opt/nvidia wsl/{$wsl,$debian} container/usr/local/nvidia/lib64 bare/$debian
      for machine in ubuntu/$debian wsl/$wsl wsl/$debian container/usr/local/nvidia/lib64; do
        cp ${fake}/lib/lib*.so.1 $machine
        touch $machine/{libc.so.6,libstdc++.so.6,libcudart.so.12,libcuda.txt}
      done
      touch wsl/$wsl/libdxcore.so bare/$debian/libc.so.6
      # What only ldconfig knows.
      touch ubuntu/opt/nvidia/libnvidia-encode.so.1
      printf '#!%s\nprintf "%%s\\n" "2 libs found" "\tlibnvidia-encode.so.1 (libc6,${machine}) => %s" "\tlibnvidia-fbc.so.1 (libc6) => %s"\n' \
        ${pkgs.stdenv.shell} /opt/nvidia/libnvidia-encode.so.1 /opt/nvidia/libnvidia-fbc.so.1 > ubuntu/sbin/ldconfig
      chmod +x ubuntu/sbin/ldconfig

      run() { AXLE_DRIVER_ROOT=$PWD/$1 ${pkgs.axle.withDriver}/bin/axle-with-driver "''${@:2}"; }
      holds() {
        local folder=$(run $1 --print)
        [ "$folder" = "$(run $1 --print)" ]
        if [ "$(ls $folder | tr '\n' ' ')" != "$2 " ]; then
          ls -l $folder >&2
          exit 1
        fi
      }
      holds ubuntu "libcuda.so libcuda.so.1 libnvidia-encode.so.1 libnvidia-ml.so.1"
      holds wsl "libcuda.so libcuda.so.1 libdxcore.so libnvidia-ml.so.1"
      [ "$(realpath $(run wsl --print)/libcuda.so)" = $PWD/wsl/$wsl/libcuda.so.1 ]
      holds container "libcuda.so libcuda.so.1 libnvidia-ml.so.1"
      said() { "$@" ${pkgs.stdenv.shell} -c 'echo "$LD_LIBRARY_PATH"'; }
      [ "$(LD_LIBRARY_PATH=/mine said run wsl)" = "$(run wsl --print):/mine" ]
      for machine in ubuntu wsl container; do
        for question in ${toString cells.cuda12.packages}; do
          AXLE_FAKE_DRIVER_LOG=$PWD/log.$machine run $machine ${environment pkgs cells.cuda12}/bin/python3 -I ${./driver}/questions.py $question found
        done
        [ "$(sed 's|/[^/]*$||' log.$machine | sort -u)" = "$(run $machine --print)" ]
      done

      if run bare true 2> said; then exit 1; fi
      grep -q 'this machine has no libcuda.so.1' said
      if run wsl 2> said; then exit 1; fi
      grep -q Usage said
      run wsl ${pkgs.stdenv.shell} -c 'exit 3' || [ $? = 3 ]
      # On NixOS nothing is to be done.
      [ "$(${withDriver.axle.withDriver}/bin/axle-with-driver --print)" = ${fake}/lib ]
      [ "$(LD_LIBRARY_PATH=/mine said ${withDriver.axle.withDriver}/bin/axle-with-driver)" = /mine ]
      touch $out
    '';

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
