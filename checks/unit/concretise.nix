{ pkgs, fixture }:
let
  inherit (fixture)
    axle
    request
    env
    other
    ;
  inherit (axle) concretise;
  refuses = value: !(builtins.tryEval (builtins.seq value true)).success;
in
{
  choice = [
    {
      expr = env.plan.torch;
      expected = "2.10.0";
    }
    {
      # Older, and the only one for this capability.
      expr =
        (concretise (
          request
          // {
            packages = highLevel: [ highLevel.torch ];
            computeCapabilities = [ "6.1" ];
          }
        )).plan.torch;
      expected = "2.9.1";
    }
    {
      expr =
        (concretise (
          request
          // {
            packages = highLevel: [ highLevel.torch ];
            torch = "2.9";
          }
        )).plan.torch;
      expected = "2.9.1";
    }
    {
      # A prefix ends at a dot: 2.1 is not 2.10.
      expr = refuses (concretise (request // { torch = "2.1"; }));
      expected = true;
    }
    {
      expr = builtins.attrNames env.plan.packages;
      expected = [
        "iniconfig"
        "nvidia-cuda-runtime-cu12"
        "nvidia-nvtx-cu12"
        "six"
        "torch"
        "tqdm"
        "typing-extensions"
      ];
    }
    {
      # Names do as well, and say what was perhaps meant.
      expr =
        (concretise (
          request
          // {
            packages = [
              "tqdm"
              "six"
            ];
          }
        )).id;
      expected = env.id;
    }
  ];
  identity = [
    {
      # As design.md, section 8 has it: sorted keys, no spaces, capabilities by number.
      expr = env.id;
      expected = builtins.hashString "sha256" ''{"cell":"${
        axle.cells."3.11-12.8".torch."2.10.0".cell
      }","compiler":null,"compute_capabilities":["8.6","9.0"],"cuda":"12.8","prefer":"wheel","python":"3.11","schema":"axle.plan/1","system":"x86_64-linux","torch":"2.10.0"}'';
    }
    {
      # The order of capabilities does not matter, nor which packages were asked for.
      expr =
        let
          same = concretise (
            request
            // {
              packages = highLevel: [ highLevel.torch ];
              computeCapabilities = [
                "8.6"
                "9.0"
              ];
            }
          );
        in
        [
          (same.id == env.id)
          (same.world == env.world)
          (same.packages.torch.outPath == env.packages.torch.outPath)
        ];
      expected = [
        true
        true
        true
      ];
    }
    {
      expr = [
        (other.id == env.id)
        (other.world == env.world)
        # A concretisation rebuilds nothing.
        (other.packages.torch.build.outPath == env.packages.torch.build.outPath)
      ];
      expected = [
        false
        false
        true
      ];
    }
    {
      # A build knows no Python: one wheel is built once for all of them.
      expr =
        let
          otherPython = concretise (
            request
            // {
              python = pkgs.python312 // {
                pythonVersion = "3.11";
              };
            }
          );
        in
        [
          (otherPython.packages.tqdm.outPath == env.packages.tqdm.outPath)
          (otherPython.packages.tqdm.build.outPath == env.packages.tqdm.build.outPath)
        ];
      expected = [
        false
        true
      ];
    }
    {
      # Nor does what a package is know its cell, which changes with every other package in it.
      expr = builtins.attrNames (builtins.fromJSON env.packages.torch.highLevel.metadata.text);
      expected = [
        "name"
        "requires"
        "version"
        "wheel"
      ];
    }
    {
      # A changed build is another world, and the packages that are not in it stay as they are built.
      expr =
        let
          changed = concretise (
            request
            // {
              overrides = _: super: {
                torch = super.torch.overrideAttrs (_: {
                  changed = true;
                });
              };
            }
          );
        in
        [
          (changed.id == env.id)
          (changed.world == env.world)
          (changed.packages.torch.build.outPath == env.packages.torch.build.outPath)
          (changed.packages.tqdm.build.outPath == env.packages.tqdm.build.outPath)
        ];
      expected = [
        true
        false
        false
        true
      ];
    }
  ];
  layers = [
    {
      # Packages that require each other are one derivation.
      expr = env.packages.six.outPath == env.packages.iniconfig.outPath;
      expected = true;
    }
    {
      expr = env.python.pythonVersion;
      expected = request.python;
    }
    {
      expr = env.packages.torch.highLevel.version;
      expected = "2.10.0";
    }
    {
      expr = env.packages.torch.concretisation.id == env.id;
      expected = true;
    }
    {
      # Other packages of the set that need torch get this one.
      expr = env.python.pkgs.torch.outPath == env.packages.torch.outPath;
      expected = true;
    }
    {
      expr = map (attribute: refuses env.packages.torch.highLevel.${attribute}) [
        "outPath"
        "drvPath"
        "pythonModule"
      ];
      expected = [
        true
        true
        true
      ];
    }
    {
      expr = env.packages.torch.highLevel.metadata.name;
      expected = "torch-2.10.0.json";
    }
  ];
  mixing = [
    {
      expr =
        refuses
          (env.python.withPackages (ps: [
            ps.tqdm
            other.packages.torch
          ])).outPath;
      expected = true;
    }
    {
      expr = refuses (env.extend (_: [ other.packages.torch ])).python.outPath;
      expected = true;
    }
    {
      expr = (env.extend (ps: [ ps.iniconfig ])).world == env.world;
      expected = true;
    }
  ];
  target = [
    {
      expr =
        (concretise {
          packages = highLevel: [ highLevel.torch ];
          python = pkgs.python311;
          cuda = null;
        }).plan.target;
      expected = {
        system = "x86_64-linux";
        python = "3.11";
        cuda = null;
        compute_capabilities = [ ];
        compiler = null;
      };
    }
  ];
}
