/**
  What a change rebuilds, seen in derivation paths: the fixture's catalogue is read, changed and compared.
*/
{ pkgs }:
let
  inherit (builtins)
    attrNames
    filter
    mapAttrs
    ;
  catalogue = import ../compilable.nix;

  toolkit = pkgs.runCommand "toolkit" { } "mkdir $out" // {
    version = "12.8.1";
  };
  gcc =
    version:
    pkgs.stdenv
    // {
      cc = pkgs.stdenv.cc // {
        inherit version;
      };
    };
  request = {
    packages = highLevel: [
      highLevel.tqdm
      highLevel.extension
    ];
    python = "3.11";
    cuda = "12.8";
    computeCapabilities = [
      "8.6"
      "9.0"
    ];
    torch = "2.10";
    compiler = gcc "13.2.0";
    inherit toolkit;
  };

  # The layers of an environment, by derivation path; audits need a program that `cargo xtask` builds, and are left out.
  layersOf =
    changedCatalogue: changedRequest:
    let
      env = (pkgs.axle.withCatalogue changedCatalogue).concretise changedRequest;
      packages = builtins.removeAttrs env.packages [ "extension" ];
    in
    {
      # wrapt is there to be refused.
      build = mapAttrs (_: build: build.drvPath) (builtins.removeAttrs env.builds [ "wrapt" ]);
      python = mapAttrs (_: package: package.drvPath) packages;
    };
  before = layersOf catalogue request;

  # The names in one layer that a change moves.
  moved =
    layer: changedCatalogue: changedRequest:
    let
      after = layersOf changedCatalogue changedRequest;
    in
    filter (name: before.${layer}.${name} != after.${layer}.${name} or null) (
      attrNames before.${layer}
    );

  cell = catalogue.cells.x86_64-linux."3.11-12.8";
  withCell = change: catalogue // { cells.x86_64-linux."3.11-12.8" = cell // change; };
  withPackages = packages: withCell { packages = cell.packages // packages; };
  changedOnce = name: change: { ${name} = map (package: package // change) cell.packages.${name}; };
  withBuild =
    name: version: filename: change:
    catalogue
    // {
      builds = catalogue.builds // {
        ${name} = catalogue.builds.${name} // {
          ${version} = catalogue.builds.${name}.${version} // {
            wheels = catalogue.builds.${name}.${version}.wheels // {
              ${filename} = catalogue.builds.${name}.${version}.wheels.${filename} // change;
            };
          };
        };
      };
    };
  inherit (builtins) head;
  torchFile = (head cell.packages.torch).wheel.filename;
  runtime = catalogue.builds.nvidia-cuda-runtime-cu12."12.8.90".wheels;
in
{
  keeps = [
    {
      # The order of the capabilities, and of what is asked for.
      expr = moved "build" catalogue (
        request
        // {
          packages = highLevel: [
            highLevel.extension
            highLevel.tqdm
          ];
          computeCapabilities = [
            "9.0"
            "8.6"
          ];
        }
      );
      expected = [ ];
    }
    {
      # A newer version of what a recipe imports compiles nothing again: its environment is frozen.
      expr =
        let
          old = catalogue.builds.typing-extensions."4.15.0";
          newer = withPackages (changedOnce "typing-extensions" { version = "99.0"; });
        in
        moved "build" (
          newer
          // {
            builds = newer.builds // {
              typing-extensions = newer.builds.typing-extensions // {
                "99.0" = old;
              };
            };
          }
        ) request;
      expected = [ "typing-extensions" ];
    }
    {
      # A requirement of run time is no part of a build.
      expr = moved "build" (withPackages (
        changedOnce "extension" {
          requires = [
            "torch"
            "tqdm"
          ];
        }
      )) request;
      expected = [ ];
    }
    {
      # Nor is what the catalogue says of compilers, of coverage, and of the cell itself.
      expr = moved "build" (
        withPackages (
          changedOnce "tqdm" {
            wheel = (head cell.packages.tqdm).wheel // {
              covers = [
                "8.6"
                "9.0"
              ];
            };
          }
        )
        // {
          compilers.systems.x86_64-linux."12.8" = {
            gcc = {
              min = 5;
              max = 30;
            };
            clang = {
              min = 5;
              max = 30;
            };
          };
        }
      ) request;
      expected = [ ];
    }
    {
      # Another concretisation shares all that does not depend on its target.
      expr = moved "build" catalogue (
        request
        // {
          packages = highLevel: [ highLevel.tqdm ];
          prefer = "newest";
        }
      );
      expected = [ ];
    }
    {
      # An unrelated package in the cell moves nothing, not even in the python-level layer.
      expr =
        let
          more = withCell {
            packages = cell.packages // {
              unrelated = [ (head cell.packages.tqdm // { requires = [ ]; }) ];
            };
            torch = cell.torch // {
              "2.10.0" = cell.torch."2.10.0" // {
                cell = "another";
                packages = cell.torch."2.10.0".packages // {
                  unrelated = 0;
                };
              };
            };
          };
        in
        [
          (moved "build" more request)
          (moved "python" more request)
        ];
      expected = [
        [ ]
        [ ]
      ];
    }
  ];
  moves = [
    {
      # Other architectures are another compile, and nothing else.
      expr = moved "build" catalogue (request // { computeCapabilities = [ "8.6" ]; });
      expected = [ "extension" ];
    }
    {
      expr = moved "build" catalogue (
        request
        // {
          toolkit = pkgs.runCommand "other-toolkit" { } "mkdir $out" // {
            version = "12.8.2";
          };
        }
      );
      expected = [ "extension" ];
    }
    {
      # Another wheel moves its build, and those that find a library in it.
      expr = moved "build" (withBuild "nvidia-cuda-runtime-cu12" "12.8.90" (head (attrNames runtime)) {
        fetch.fetchurl = {
          url = "https://example.invalid/other.whl";
          name = "other.whl";
          hash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        };
      }) request;
      expected = [
        "extension"
        "nvidia-cuda-runtime-cu12"
        "torch"
      ];
    }
    {
      # Another search path of torch moves torch, and what is compiled against it.
      expr = moved "build" (withBuild "torch" "2.10.0" torchFile { members = [ ]; }) request;
      expected = [
        "extension"
        "torch"
      ];
    }
    {
      # A requirement of run time moves the package, and what requires it.
      expr = moved "python" (withPackages (
        changedOnce "nvidia-nvtx-cu12" { requires = [ "nvidia-cuda-runtime-cu12" ]; }
      )) request;
      expected = [
        "nvidia-nvtx-cu12"
        "torch"
        "tqdm"
      ];
    }
  ];
}
