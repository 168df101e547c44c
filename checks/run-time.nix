/**
  What packages that compile at run time find in an environment where nothing is set: a small world whose torch and
  triton only say what they would call.
*/
{ pkgs }:
let
  inherit (pkgs) lib;
  fixture = import ./compilable.nix;
  file = fixture.cells.x86_64-linux."3.11-12.8";

  axle = pkgs.axle.withCatalogue (
    fixture
    // {
      cells.x86_64-linux."3.11-12.8" = file // {
        packages = file.packages // {
          triton = map (package: package // { requires = [ ]; }) file.packages.tqdm;
        };
        torch = file.torch // {
          "2.10.0" = file.torch."2.10.0" // {
            packages = file.torch."2.10.0".packages // {
              triton = 0;
            };
          };
        };
      };
      builds = fixture.builds // {
        triton = fixture.builds.tqdm;
      };
    }
  );

  # A build of files by name.
  wheel =
    name: files:
    pkgs.stdenvNoCC.mkDerivation {
      pname = "${name}-wheel";
      version = "1";
      buildCommand = ''
        mkdir -p $out/wheel/${name}-1.dist-info
        printf 'Metadata-Version: 2.1\nName: ${name}\nVersion: 1\n' > $out/wheel/${name}-1.dist-info/METADATA
        ${builtins.concatStringsSep "\n" (
          map (file: ''
            mkdir -p $out/wheel/${dirOf file}
            cp ${pkgs.writeText "file" files.${file}} $out/wheel/${file}
          '') (builtins.attrNames files)
        )}
      '';
      passthru = {
        source = null;
        libraries = { };
      };
    };

  toolkit = pkgs.runCommand "toolkit" { } ''
    mkdir -p $out/bin
    touch $out/bin/nvcc
    chmod +x $out/bin/nvcc
  '';

  request = {
    packages = [
      "torch"
      "triton"
      "tqdm"
    ];
    python = "3.11";
    cuda = "12.8";
    computeCapabilities = [ "8.6" ];
    overrides = _: _: {
      torch = wheel "torch" {
        "torch/__init__.py" = ''
          """What torch is."""
          from __future__ import annotations
          import os


          def of(text: NoSuchType):
              return os.environ.get(text)
        '';
      };
      triton = wheel "triton" {
        "triton/__init__.py" = "version = 1";
        "triton/runtime/build.py" = ''
          import os

          cc = os.environ.get("CC")
          command = ["-shared", "-fPIC", "-o"]
        '';
      };
    };
  };
  env = axle.concretise request;
  withToolkit = axle.concretise (request // { inherit toolkit; });
  python = environment: "${environment.python}/bin/python3.11 -I";

  # The programs that are called by their names at run time, and those by variables.
  look = ''
    import json, os, shutil, sys, torch

    found = {name: shutil.which(name) for name in sys.argv[1:]}
    variables = {name: os.environ.get(name) for name in ["CC", "CXX", "CUDA_HOME", "PATH"]}
    print(json.dumps({"doc": torch.__doc__, **found, **variables}))
  '';

  # Asserts on what `look` says, by an expression of Python over `it`.
  expect = environment: variables: names: expression: ''
    env -i ${variables} ${python environment} -c ${lib.escapeShellArg look} ${names} > answer
    ${pkgs.python311.interpreter} -I -c ${lib.escapeShellArg "import json, sys; it = json.load(open('answer')); sys.exit(None if (${expression}) else f'{it}')"}
  '';
in
{
  inherit env withToolkit toolkit;

  checks = {
    # A compiler makes a library that Python loads, without one variable.
    run-time-compiler = pkgs.runCommand "axle-run-time-compiler" { } ''
      cat > try.py <<'EOF'
      import ctypes, os, subprocess, torch

      with open("try.cpp", "w") as file:
          file.write('#include <vector>\nextern "C" int three() { return std::vector<int>(3).size(); }')
      subprocess.run([*os.environ["CXX"].split(), "-shared", "-fPIC", "try.cpp", "-o", "try.so"], check=True)
      assert ctypes.CDLL("./try.so").three() == 3
      subprocess.run(["ninja", "--version"], check=True)
      subprocess.run(["openssl", "version"], check=True)
      subprocess.run(["ld", "--version"], check=True)
      EOF
      env -i PATH=/var/empty ${env.python}/bin/python3.11 -I try.py
      touch $out
    '';

    # It comes from the store, and the module is what it was besides.
    run-time-defaults = pkgs.runCommand "axle-run-time-defaults" { } ''
      ${expect env "PATH=/var/empty" "ninja openssl ld objcopy nvcc"
        "all(it[name].startswith('/nix/store/') for name in ['ninja', 'openssl', 'ld', 'objcopy', 'CXX']) and it['doc'] == 'What torch is.' and it['nvcc'] is it['CUDA_HOME'] is it['CC'] is None"
      }
      ${expect withToolkit "PATH=/var/empty" "" "it['CUDA_HOME'] == '${toolkit}'"}
      touch $out
    '';

    # What is set and there stays, what is set and not there does not help.
    run-time-given = pkgs.runCommand "axle-run-time-given" { } ''
      mkdir own
      for name in mine ninja nvcc; do
        echo '#!/bin/sh' > own/$name
        chmod +x own/$name
      done
      ${expect withToolkit "CXX='mine -O2' CUDA_HOME=$PWD PATH=$PWD/own" "ninja"
        "it['CXX'] == 'mine -O2' and it['CUDA_HOME'] in it['ninja'] and it['PATH'].startswith(it['CUDA_HOME'])"
      }
      ${expect withToolkit "PATH=$PWD/own" "nvcc"
        "it['CUDA_HOME'] is None and it['nvcc'].endswith('/own/nvcc')"
      }
      ${expect withToolkit "CUDA_PATH=$PWD PATH=/var/empty" "" "it['CUDA_HOME'] is None"}
      ${expect withToolkit "CXX=none CUDA_HOME=/none PATH=" "ld"
        "it['CXX'].startswith('/nix/store/') and it['CUDA_HOME'] == '${toolkit}' and not it['PATH'].startswith(':')"
      }
      touch $out
    '';

    # triton calls $CC, else the package set's own compiler.
    run-time-triton = pkgs.runCommand "axle-run-time-triton" { } ''
      say='import triton.runtime.build as b; print(b.cc, *b.command)'
      expected="${pkgs.stdenv.cc}/bin/gcc -shared -fPIC -Wl,-rpath,${pkgs.addDriverRunpath.driverLink}/lib -o"
      [ "$(env -i ${python env} -c "$say")" = "$expected" ]
      [ "$(env -i CC=mine ${python env} -c "$say")" = "mine ''${expected#* }" ]
      touch $out
    '';

    # What does not compile does not refer to a compiler.
    run-time-references =
      pkgs.runCommand "axle-run-time-references"
        {
          exportReferencesGraph = [
            "without"
            (axle.concretise (request // { packages = [ "typing-extensions" ]; })).python
            "with"
            env.python
          ];
        }
        ''
          grep -q ${pkgs.stdenv.cc} with
          if grep -q ${pkgs.stdenv.cc} without; then exit 1; fi
          touch $out
        '';
  };

  failures.run-time-text =
    (axle.concretise (
      request
      // {
        overrides = _: _: { triton = wheel "triton" { "triton/runtime/build.py" = "cc = None"; }; };
      }
    )).packages.triton;
}
