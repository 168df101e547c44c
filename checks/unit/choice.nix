/**
  Which torch, wheel or source a request gets, and how locks and overrides are used.
*/
{ pkgs }:
let
  inherit (builtins) attrNames toFile toJSON;
  catalogue = import ../compilable.nix;
  axle = pkgs.axle.withCatalogue catalogue;
  refuses = value: !(builtins.tryEval (builtins.deepSeq value true)).success;
  toolkit = pkgs.runCommand "toolkit" { } "mkdir $out" // {
    version = "12.8.1";
  };
  request = {
    packages = highLevel: [ highLevel.extension ];
    python = "3.11";
    cuda = "12.8";
    computeCapabilities = [ "8.6" ];
    inherit toolkit;
  };
  compiling = request // {
    compiler = pkgs.stdenv // {
      cc = pkgs.stdenv.cc // {
        version = "13.2.0";
      };
    };
  };
  answer =
    request:
    let
      inherit (axle.concretise request) plan;
    in
    [
      plan.torch
      plan.packages.extension.build.kind
    ];
  package =
    python: name:
    python.pkgs.toPythonModule (
      pkgs.stdenvNoCC.mkDerivation {
        pname = name;
        version = "1";
        buildCommand = "mkdir $out";
      }
    );
in
{
  choice = [
    {
      # Every torch with wheels only, before any with compiling.
      expr = map answer [
        request
        compiling
        (compiling // { prefer = "newest"; })
        (compiling // { prefer = "source"; })
        (compiling // { torch = "2.10"; })
        (
          compiling
          // {
            torch = "2.9";
            prefer = "source";
          }
        )
      ];
      expected = [
        [
          "2.9.1"
          "wheel"
        ]
        [
          "2.9.1"
          "wheel"
        ]
        [
          "2.10.0"
          "source"
        ]
        [
          "2.10.0"
          "source"
        ]
        [
          "2.10.0"
          "source"
        ]
        [
          "2.9.1"
          "wheel"
        ]
      ];
    }
    {
      # Without a compiler nothing is compiled.
      expr = refuses (answer (request // { torch = "2.10"; }));
      expected = true;
    }
    {
      expr = refuses (
        answer (
          request
          // {
            torch = "2.10";
            prefer = "source";
          }
        )
      );
      expected = true;
    }
    {
      # The source does not support that one either.
      expr = refuses (
        answer (
          compiling
          // {
            torch = "2.10";
            computeCapabilities = [ "5.0" ];
          }
        )
      );
      expected = true;
    }
  ];
  identity = [
    {
      # What is compiled of the cell is part of the id, whoever asks for it.
      expr =
        let
          env = axle.concretise (
            compiling
            // {
              torch = "2.10";
              packages = highLevel: [ highLevel.torch ];
            }
          );
        in
        env.id;
      expected = builtins.hashString "sha256" ''{"cell":"${
        axle.cells."3.11-12.8".torch."2.10.0".cell
      }","compiled":["extension"],"compiler":"gcc13","compute_capabilities":["8.6"],"cuda":"12.8","prefer":"wheel","python":"3.11","schema":"axle.plan/1","system":"x86_64-linux","torch":"2.10.0"}'';
    }
  ];
  build = [
    {
      # The name tells the variant.
      expr =
        let
          inherit (axle.concretise (compiling // { torch = "2.10"; })) builds;
        in
        [
          builds.extension.name
          builds.extension.isCompiled
          (builds.extension.toolkit == toolkit)
        ];
      expected = [
        "extension-1-torch2.10-cu128-sm86"
        true
        true
      ];
    }
    {
      # Where there is no toolkit of that release, none is guessed.
      expr = refuses (
        (axle.concretise (
          compiling
          // {
            torch = "2.10";
            toolkit = null;
          }
        )).builds.extension.drvPath
      );
      expected = !(pkgs ? cudaPackages_12_8);
    }
  ];
  lock = [
    {
      # What a lock holds is used as a catalogue, and answers what was asked then.
      expr =
        let
          locked = pkgs.axle.fromLock (
            toFile "axle.lock.json" (
              toJSON (
                catalogue
                // {
                  schema = "axle.lock/2";
                  request = {
                    packages = [ "tqdm" ];
                    python = "3.11";
                    cuda = "12.8";
                    compute_capabilities = [ "8.6" ];
                    compiler = null;
                  };
                }
              )
            )
          );
          asked = request // {
            packages = highLevel: [ highLevel.tqdm ];
            toolkit = null;
          };
        in
        [
          locked.env.plan.torch
          (locked.env.id == (axle.concretise asked).id)
          (locked.env.packages.tqdm.drvPath == (axle.concretise asked).packages.tqdm.drvPath)
        ];
      expected = [
        "2.10.0"
        true
        true
      ];
    }
    {
      expr = map (file: refuses (pkgs.axle.fromLock file).env.id) [
        (toFile "axle.lock.json" "{}")
        (toFile "axle.lock.json" "[]")
        (toFile "axle.lock.json" ''{ "schema": 2 }'')
        (toFile "axle.lock.json" ''{ "schema": "axle.lock/2", "request": null }'')
        ../fixtures
      ];
      expected = builtins.genList (_: true) 5;
    }
  ];
  layers = [
    {
      # What is not of the cell is a Python package that is added, and moves nothing.
      expr =
        let
          plain = axle.concretise request;
          more = axle.concretise (
            request // { overrides = _: _: { addition = package pkgs.python311 "addition"; }; }
          );
        in
        [
          (more.world == plain.world)
          more.python.pkgs.addition.pname
          (more.packages.torch.drvPath == plain.packages.torch.drvPath)
        ];
      expected = [
        true
        "addition"
        true
      ];
    }
    {
      # An extra brings what it requires, however it is written; and a set that has none refuses it.
      expr =
        let
          has =
            packages:
            (axle.concretise (
              request
              // {
                inherit packages;
                torch = "2.9.1";
              }
            )).plan.packages
              ? tqdm;
        in
        map has [
          [ "extension" ]
          [ "extension[progress]" ]
          [ "extension[Progress,progress]" ]
          [ "extension [progress] >= 0.8, < 1" ]
          (highLevel: [ (highLevel.extension.withExtras [ "PROGRESS" ]) ])
          (highLevel: [
            highLevel.extension
            (highLevel.extension.withExtras [ "progress" ])
          ])
        ];
      expected = [
        false
        true
        true
        true
        true
        true
      ];
    }
    {
      expr =
        map
          (
            packages:
            refuses
              (axle.concretise (
                request
                // {
                  inherit packages;
                  torch = "2.9.1";
                }
              )).id
          )
          [
            [ "extension[speed]" ]
            [ "extension[progress" ]
            [ "extension>=1" ]
            [ "extension>=0.8rc1" ]
            [ "extension; python_version < '4'" ]
            [ "extension @ https://example.invalid/x.whl" ]
            [ "six[all]" ]
            (highLevel: [ (highLevel.extension.withExtras "progress") ])
          ];
      expected = [
        true
        true
        true
        true
        true
        true
        true
        true
      ];
    }
    {
      # Extensions of the interpreter are kept, and extras that the plan brings already do not collide.
      expr =
        let
          python = pkgs.python311.override {
            packageOverrides = self: _: { own = package self.python "own"; };
          };
          env = axle.concretise (
            request
            // {
              packages = highLevel: [ highLevel.tqdm ];
              inherit python;
              extraPackages = ps: [
                ps.own
                ps.torch
              ];
            }
          );
        in
        [
          env.python.pkgs.own.pname
          (builtins.isString env.python.drvPath)
        ];
      expected = [
        "own"
        true
      ];
    }
    {
      # Packages of the set that need torch, by whatever name, get this one.
      expr =
        let
          python = pkgs.python311.override {
            packageOverrides = self: _: {
              accelerate = self.toPythonModule (
                pkgs.stdenvNoCC.mkDerivation {
                  pname = "accelerate";
                  version = "1";
                  propagatedBuildInputs = [ self.torch-bin ];
                  buildCommand = "mkdir $out";
                }
              );
            };
          };
          env = axle.concretise (
            request
            // {
              packages = highLevel: [ highLevel.tqdm ];
              inherit python;
              extraPackages = ps: [ ps.accelerate ];
            }
          );
        in
        [
          (
            map (drv: drv.outPath) env.python.pkgs.accelerate.propagatedBuildInputs
            == [ env.packages.torch.outPath ]
          )
          (builtins.isString env.python.drvPath)
        ];
      expected = [
        true
        true
      ];
    }
    {
      # torch answers to all names that nixpkgs has for it, and says what nixpkgs' torch says.
      expr =
        let
          env = axle.concretise request;
          inherit (env.python.pkgs) torch;
        in
        [
          (map (name: env.python.pkgs.${name}.outPath == torch.outPath) [
            "torch-bin"
            "pytorch"
            "pytorch-bin"
            "torchWithCuda"
          ])
          torch.cudaSupport
          torch.cudaCapabilities
          torch.rocmSupport
          (attrNames torch.tests)
          (torch.plan == env.plan)
          torch.meta.platforms
          torch.name
        ];
      expected = [
        [
          true
          true
          true
          true
        ]
        true
        [ "8.6" ]
        false
        [
          "gpu"
          "metadata"
        ]
        true
        [
          "x86_64-linux"
          "aarch64-linux"
        ]
        "python3.11-torch-2.9.1-torch2.9-cu128-cc8.6"
      ];
    }
  ];
  meta = [
    {
      # NVIDIA's packages are unfree, others are not; a package that is run has a program.
      expr =
        let
          env = axle.concretise (request // { packages = highLevel: [ highLevel.tqdm ]; });
        in
        [
          env.packages.nvidia-nvtx-cu12.meta.license.free
          (env.packages.tqdm.meta ? license)
          env.packages.tqdm.meta.mainProgram
        ];
      expected = [
        false
        false
        "tqdm"
      ];
    }
  ];
}
