/**
  A small world of what is compiled, and of wheels that are only declared: MarkupSafe from its sdist, without CUDA, with
  the package set's own compiler.
*/
{ pkgs }:
let
  inherit (builtins) fromJSON head readFile;
  fixture = import ./compilable.nix;
  file = fromJSON (readFile ./fixtures/catalogue/cells/x86_64-linux/3.11-cpu.json);
  plain = (head file.packages.tqdm).wheel;

  # Its source says one thing more, in the place of something that is there or not.
  markupsafe = old: {
    sha256 = "2e9ad7dd851bf45fab9f75cbff4cb493fee9979e8d8c7c9c3ee119022518edd6";
    size = 153777;
    fetch.fetchPypi = {
      pname = "markupsafe";
      version = "3.0.4";
      extension = "tar.gz";
      hash = "sha256-LprX3YUb9F+rn3XL/0y0k/7pl56NjHycPuEZAiUY7dY=";
    };
    build_system = "setuptools";
    components = [ ];
    environment = { };
    replace = [
      {
        file = "src/markupsafe/__init__.py";
        inherit old;
        new = "from __future__ import annotations; was_replaced = True";
      }
    ];
    architectures = null;
    memory_per_job = 1;
  };

  catalogue = old: {
    inherit (fixture) compilers;
    cells.x86_64-linux."3.11-cpu" = file // {
      packages = file.packages // {
        setuptools = [
          {
            version = "84.2.1";
            requires = [ ];
            wheel = plain // {
              filename = "setuptools-84.2.1-py3-none-any.whl";
              sha256 = "ca140b45d5325a9478f880e351484f62fef15f336462e449ca0c03c873d589c2";
            };
          }
        ];
        markupsafe = [
          {
            version = "3.0.4";
            requires = [ ];
            wheel = null;
            source = {
              filename = "markupsafe-3.0.4.tar.gz";
              sha256 = "2e9ad7dd851bf45fab9f75cbff4cb493fee9979e8d8c7c9c3ee119022518edd6";
              size = 153777;
              inherit (file) capabilities;
              links = [ "setuptools" ];
            };
          }
        ];
      };
      torch."2.10.0" = file.torch."2.10.0" // {
        packages = file.torch."2.10.0".packages // {
          setuptools = 0;
          markupsafe = 0;
        };
      };
      order = [ "2.10.0" ];
    };
    builds = fixture.builds // {
      markupsafe."3.0.4".sources."markupsafe-3.0.4.tar.gz" = markupsafe old;
    };
  };
  request = {
    packages = highLevel: [ highLevel.markupsafe ];
    python = "3.11";
    cuda = null;
    compiler = pkgs.stdenv;
  };
  envWith = old: (pkgs.axle.withCatalogue (catalogue old)).concretise request;
  env = envWith "from __future__ import annotations";

  # A wheel whose own bytes are said not to have been seen.
  declaredTorch =
    (pkgs.axle.withCatalogue (
      fixture
      // {
        builds = fixture.builds // {
          torch."2.10.0".wheels = builtins.mapAttrs (
            _: wheel:
            wheel
            // {
              members = [ ];
              declared."libcudart.so.12" = {
                package = "nvidia-cuda-runtime-cu12";
                soname = "libcudart.so.12";
              };
            }
          ) fixture.builds.torch."2.10.0".wheels;
        };
      }
    )).concretise
      {
        packages = highLevel: [ highLevel.tqdm ];
        python = "3.11";
        cuda = "12.8";
        computeCapabilities = [ "8.6" ];
      };

  # A wheel that is said to need nothing, and needs libraries of InfiniBand.
  declared =
    sonames:
    (pkgs.axle.withCatalogue (
      fixture
      // {
        builds = fixture.builds // {
          nvidia-nvtx-cu12."12.8.90".wheels = builtins.mapAttrs (
            _: wheel:
            wheel
            // {
              fetch.fetchPypi = {
                pname = "nvidia_cufile_cu12";
                version = "1.13.1.3";
                format = "wheel";
                python = "py3";
                abi = "none";
                platform = "manylinux2014_x86_64.manylinux_2_17_x86_64";
                dist = "py3";
                hash = "sha256-HQaQA75lDhMbIcky7D2JacFxU3klH40joYYFVLHLJPw=";
              };
              members = [ ];
              declared = sonames;
            }
          ) fixture.builds.nvidia-nvtx-cu12."12.8.90".wheels;
        };
      }
    )).concretise
      {
        packages = highLevel: [ highLevel.tqdm ];
        python = "3.11";
        cuda = "12.8";
        computeCapabilities = [ "8.6" ];
      };
in
{
  inherit env;

  checks = {
    # It is compiled with what was replaced in it, finds its libraries in the store, and is what the interpreter imports. The audit of it takes the
    # command line: a test of `xtask` builds that.
    compiled-import = pkgs.runCommand "axle-compiled" { nativeBuildInputs = [ pkgs.patchelf ]; } ''
      member=$(echo ${env.builds.markupsafe}/wheel/markupsafe/_speedups.*.so)
      patchelf --print-rpath "$member" | grep -q '^/nix/store/'
      PYTHONPATH=${env.builds.markupsafe}/wheel ${pkgs.python311.interpreter} -c \
        'import markupsafe, markupsafe._speedups as m; assert m.__file__.startswith("${env.builds.markupsafe}/"); assert markupsafe.was_replaced'
      touch $out
    '';

    # Every member of a wheel that is only declared finds all that it is said to need, and what it does need.
    declared-rpath = pkgs.runCommand "axle-declared-rpath" { nativeBuildInputs = [ pkgs.patchelf ]; } ''
      member=$(echo ${declaredTorch.builds.torch}/wheel/markupsafe/_speedups.*.so)
      expected=${pkgs.glibc}/lib:${declaredTorch.builds.nvidia-cuda-runtime-cu12}/wheel/nvidia/cuda_runtime/lib
      [ "$(patchelf --print-rpath "$member")" = "$expected" ]
      touch $out
    '';

    # nvcc is called for the architectures asked for, and for no others.
    compiled-architectures = import ./nvcc.nix { inherit pkgs; };
  };

  failures = {
    declared-too-little = (declared { }).builds.nvidia-nvtx-cu12;
    nothing-to-replace = (envWith "no such text").builds.markupsafe;
    # An extension that was told architectures and has code for none.
    audit-finds-no-code =
      import ../overlays/builders/audited.nix
        {
          inherit pkgs;
          inherit (pkgs) lib;
        }
        {
          name = "markupsafe";
          build = env.builds.markupsafe;
          capabilities = [ "8.6" ];
          architectures = true;
        };
  };
}
