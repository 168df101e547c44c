# What stands in an environment beside the packages of a concretisation: the interpreter's own set is never changed.
{ pkgs }:
let
  inherit (import ../field.nix { inherit pkgs; })
    python
    request
    concretise
    env
    ;
  ps = env.python.pkgs;
  plain = python.pkgs;
  refuses = value: !(builtins.tryEval (builtins.seq value true)).success;
  evaluates = choose: !refuses (env.python.withPackages choose).drvPath;
  namesOf = drvs: map (drv: drv.pname) (builtins.filter (drv: drv ? pname) drvs);
  torchOf = drv: builtins.filter (one: one.pname or "" == "torch") drv.requiredPythonModules;
  isThisTorch = drv: map (one: one.outPath) (torchOf drv) == [ env.packages.torch.outPath ];
in
{
  untouched = [
    {
      # What requires nothing of the world is what the package set has, to the hash.
      expr = [
        (ps.leaf.outPath == plain.leaf.outPath)
        (ps.tool.outPath == plain.tool.outPath)
        (ps.packaging.outPath == plain.packaging.outPath)
      ];
      expected = [
        true
        true
        true
      ];
    }
    {
      # Of the rest the finished output is linked, with the requirements of this world.
      expr = map (name: ps.${name}.build.outPath == plain.${name}.outPath) [
        "user"
        "through"
      ];
      expected = [
        true
        true
      ];
    }
    {
      expr = [
        (builtins.elem env.packages.torch.outPath (map (drv: drv.outPath) ps.user.requiredPythonModules))
        (builtins.elem ps.typing-extensions.outPath (map (drv: drv.outPath) ps.user.requiredPythonModules))
        (builtins.elem ps.user.outPath (map (drv: drv.outPath) ps.through.propagatedBuildInputs))
        ps.typing-extensions.version
      ];
      expected = [
        false
        true
        true
        "4.15.0"
      ];
    }
    {
      # Packages that throw, or are not for this Python, are in nobody's way, and say why when they are asked for.
      expr = [
        (evaluates (ps: [ ps.through ]))
        (evaluates (ps: [ ps.broken ]))
        (evaluates (ps: [ ps.disabled ]))
      ];
      expected = [
        true
        false
        false
      ];
    }
    {
      # A package of the user's own may be named as one of the set that cannot be evaluated, or is gone.
      expr =
        map
          (
            pname:
            evaluates (ps: [
              (ps.buildPythonPackage {
                inherit pname;
                version = "0.1";
                format = "other";
                buildCommand = "mkdir $out";
              })
            ])
          )
          [
            "project"
            "broken"
          ];
      expected = [
        true
        true
      ];
    }
    {
      # There is one copy of everything, under whatever name, and by whatever extra.
      expr = [
        (ps.typing-extensions_3.outPath == ps.typing-extensions.outPath)
        (evaluates (ps: [
          ps.by-extra
          ps.by-offer
          ps.by-version
        ]))
        (ps.offers.outPath == plain.offers.outPath)
      ];
      expected = [
        true
        true
        true
      ];
    }
    {
      # The interpreter's own package is as good as the same of this set.
      expr = (env.python.withPackages (_: [ plain.user ])).outPath;
      expected = (env.python.withPackages (ps: [ ps.user ])).outPath;
    }
    {
      expr = ps.through.read;
      expected = "/include";
    }
  ];
  made-anew = [
    {
      # What is compiled against torch, or refers to it, has this one, and no other.
      expr = map (name: isThisTorch ps.${name}) [
        "with-torch"
        "through-torch"
      ];
      expected = [
        true
        true
      ];
    }
    {
      expr = map (drv: drv.outPath) ps.compiled-against.buildInputs;
      expected = [ env.packages.torch.outPath ];
    }
    {
      # Without its tests, whose inputs throw, and with this world's requirements.
      expr = [
        (builtins.isList (namesOf ps.with-torch.nativeBuildInputs))
        (builtins.elem ps.user.outPath (map (drv: drv.outPath) ps.with-torch.requiredPythonModules))
        (evaluates (ps: [ ps.through-torch ]))
      ];
      expected = [
        true
        true
        true
      ];
    }
    {
      # nixpkgs' torch is compiled with a compiler, has options, and can be overridden: others read that.
      expr = [
        (ps.with-torch.compiler == pkgs.stdenv.cc)
        ps.torch.cudaSupport
        (ps.torch.override { cudaSupport = false; }).cudaSupport
        (ps.torch.overridePythonAttrs (_: { })).version
      ];
      expected = [
        true
        true
        true
        "2.10.0"
      ];
    }
    {
      # Asked for by any of its names.
      expr = map (name: ps.${name}.outPath == env.packages.torch.outPath) [
        "pytorch"
        "torch-bin"
        "torchWithCuda"
      ];
      expected = [
        true
        true
        true
      ];
    }
  ];
  judged =
    let
      # A wheel that is only declared, for a GPU that an older torch alone serves.
      older = concretise (
        request
        // {
          packages = hl: [ hl.torch ];
          computeCapabilities = [ "6.1" ];
          onlyAudited = true;
        }
      );
      allowed = concretise (
        request
        // {
          packages = hl: [ hl.torch ];
          computeCapabilities = [ "6.1" ];
        }
      );
      given =
        base: choose:
        concretise (
          request
          // {
            packages = hl: [ hl.torch ];
            computeCapabilities = [ "6.1" ];
            onlyAudited = base;
            extraPackages = choose;
          }
        );
    in
    [
      {
        # Whatever way it takes into an environment.
        expr = [
          (refuses (older.python.withPackages (ps: [ ps.tqdm ])).drvPath)
          (refuses (older.extend (ps: [ ps.tqdm ])).python.drvPath)
          (refuses (given true (ps: [ ps.tqdm ])).python.drvPath)
          (refuses (given false (ps: [ ps.tqdm ])).python.drvPath)
          (refuses (allowed.python.withPackages (ps: [ ps.tqdm ])).drvPath)
        ];
        expected = [
          true
          true
          true
          false
          false
        ];
      }
      {
        # What the cell lacks, and what requires it.
        expr = [
          (refuses (env.python.withPackages (ps: [ ps.flash-attn ])).drvPath)
          (refuses (env.python.withPackages (ps: [ ps.with-flash-attn ])).drvPath)
          (evaluates (ps: [ ps.user ]))
        ];
        expected = [
          true
          true
          true
        ];
      }
    ];
  mixing = [
    {
      # Another torch, alone or behind another package, and though nothing here needs one.
      expr =
        let
          # The same interpreter with a torch of its own.
          other = python.override (old: {
            packageOverrides = pkgs.lib.composeExtensions old.packageOverrides (
              self: _: {
                torch = self.buildPythonPackage {
                  pname = "torch";
                  version = "2.8.0";
                  format = "other";
                  buildCommand = "mkdir $out";
                };
                accelerate = self.buildPythonPackage {
                  pname = "accelerate";
                  version = "1";
                  format = "other";
                  dependencies = [ self.torch ];
                  buildCommand = "mkdir $out";
                };
              }
            );
          });
          older = concretise (request // { torch = "2.9"; });
        in
        map (drv: refuses (env.python.withPackages (_: [ drv ])).drvPath) [
          other.pkgs.torch
          other.pkgs.accelerate
          older.packages.torch
          older.python.pkgs.through-torch
        ];
      expected = [
        true
        true
        true
        true
      ];
    }
  ];
  environment = [
    {
      # An environment that is overridden is guarded still, and offers the same.
      expr =
        let
          changed = env.python.override { extraLibs = [ ps.user ]; };
        in
        [
          (changed.outPath == (env.python.withPackages (ps: [ ps.user ])).outPath)
          (changed.axle.world.id == env.world)
          (refuses (env.python.override { extraLibs = [ pkgs.python312.pkgs.packaging ]; }).outPath)
        ];
      expected = [
        true
        true
        true
      ];
    }
    {
      # A package of one's own, built with the set's own function.
      expr = isThisTorch (
        ps.buildPythonPackage {
          pname = "mine";
          version = "1";
          format = "other";
          dependencies = [
            ps.torch
            ps.user
          ];
          buildCommand = "mkdir $out";
        }
      );
      expected = true;
    }
  ];
}
