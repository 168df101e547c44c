# What an environment and its shells compile with.
{ pkgs }:
let
  inherit (import ../run-time.nix { inherit pkgs; }) env withToolkit toolkit;
  refuses = value: !(builtins.tryEval (builtins.seq value true)).success;

  # The real catalogue over another package set.
  axleOver =
    changes:
    import ../../overlays/axle.nix {
      pkgs = pkgs // changes;
      catalogue = ../../catalogue;
    };
  concretise =
    axle: cuda:
    axle.concretise {
      packages = [ "torch" ];
      python = "3.11";
      inherit cuda;
      computeCapabilities = if cuda == null then [ ] else [ "8.6" ];
    };
  # Whatever glibc the package set has.
  cuda13 = withGlibc "2.36";
  withGlibc =
    version:
    concretise (axleOver {
      glibc = pkgs.glibc // {
        inherit version;
      };
    }) "13.0";
in
{
  toolkit = [
    {
      # The user's own is taken as it is.
      expr = withToolkit.toolkit.outPath;
      expected = toolkit.outPath;
    }
    {
      # The package set has none of CUDA 12, and there is none without CUDA.
      expr = map (of: refuses of.toolkit.outPath) [
        env
        (concretise pkgs.axle null)
        cuda13
      ];
      expected = [
        (!(pkgs ? cudaPackages_12_8))
        true
        false
      ];
    }
    {
      # Where wheels of CUDA 13 cannot be compiled with, an environment is there without.
      expr =
        map
          (of: [
            (refuses of.toolkit.outPath)
            (refuses of.python.outPath)
            (of.shell ? CUDA_HOME)
          ])
          [
            (withGlibc "2.36")
            (withGlibc "2.43")
          ];
      expected = [
        [
          false
          false
          true
        ]
        [
          true
          false
          false
        ]
      ];
    }
  ];

  shell = [
    {
      # A package set may have `structuredAttrsByDefault`, which exports nothing and passes nothing as a file.
      expr = map (drv: drv.__structuredAttrs or null) [
        env.shell
        (env.devShell { })
        pkgs.axle.withDriver
      ];
      expected = [
        false
        false
        false
      ];
    }
    {
      expr = [
        (env.shell ? CUDA_HOME)
        withToolkit.shell.CUDA_HOME
        (cuda13.shell.CUDA_HOME == cuda13.toolkit.outPath)
      ];
      expected = [
        false
        "${toolkit}"
        true
      ];
    }
    {
      expr = [
        ((withToolkit.devShell { }) ? CUDA_HOME)
        (refuses (env.devShell { cuda = true; }).drvPath)
      ];
      expected = [
        false
        (!(pkgs ? cudaPackages_12_8))
      ];
    }
    {
      expr =
        let
          shell = withToolkit.devShell {
            cuda = true;
            packages = [ pkgs.coreutils ];
            MORE = "1";
          };
        in
        builtins.intersectAttrs {
          CUDA_HOME = null;
          CUDA_PATH = null;
          CUDACXX = null;
          TORCH_CUDA_ARCH_LIST = null;
          MORE = null;
        } shell
        // {
          inputs =
            builtins.all (input: builtins.elem input.outPath (map (one: one.outPath) shell.nativeBuildInputs))
              [
                pkgs.coreutils
                pkgs.ninja
                toolkit
                withToolkit.python
              ];
        };
      expected = {
        CUDA_HOME = "${toolkit}";
        CUDA_PATH = "${toolkit}";
        CUDACXX = "${toolkit}/bin/nvcc";
        TORCH_CUDA_ARCH_LIST = "8.6";
        MORE = "1";
        inputs = true;
      };
    }
  ];
}
