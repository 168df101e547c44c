{
  attemptsOf,
  closureOf,
  coveredOf,
  cycleOf,
  kindOf,
  memberOf,
  objections,
  sourceObjections,
  wheelObjections,
}:
let
  package = requires: covers: {
    version = "1";
    inherit requires;
    wheel = {
      inherit covers;
      provenance = "audited";
      glibc = "2.28";
    };
  };
  cell = {
    packages = {
      torch = package [ "triton" ] [ "8.0" "9.0" ];
      # Requirements may go round.
      triton = package [ "torch" ] [ "8.0" "9.0" ];
      vision = package [ "torch" ] [ "9.0" ];
    };
    absent.xformers.message = "xformers has no wheel for it";
  };
  request = {
    inherit cell;
    torch = "2.9.1";
    names = [ "vision" ];
    computeCapabilities = [ "9.0" ];
    onlyAudited = false;
    glibc = "2.36";
    compiling = "never";
  };

  # vision can be compiled for 8.0 too; there is an extension without any wheel.
  compilable = request // {
    computeCapabilities = [ "8.0" ];
    cell = cell // {
      packages = cell.packages // {
        vision = cell.packages.vision // {
          source = {
            capabilities = [ "8.0" ];
            minutes = 10;
          };
        };
        extension = {
          version = "2";
          wheel = null;
          source.capabilities = [ "8.0" ];
          requires = [ ];
        };
      };
    };
  };
in
{
  coveredOf = [
    {
      expr = coveredOf cell [ "torch" ];
      expected = [
        "8.0"
        "9.0"
      ];
    }
    # Of all that is required, what covers least decides.
    {
      expr = coveredOf cell [ "vision" ];
      expected = [ "9.0" ];
    }
    # What has no wheel says nothing.
    {
      expr = coveredOf compilable.cell [ "extension" ];
      expected = [ ];
    }
  ];

  closureOf = [
    {
      expr = closureOf cell [ "vision" ];
      expected = [
        "vision"
        "torch"
        "triton"
      ];
    }
    {
      expr = closureOf cell [ "numpy" ];
      expected = [ ];
    }
  ];
  cycleOf = [
    {
      expr = cycleOf cell "triton";
      expected = [
        "torch"
        "triton"
      ];
    }
    {
      expr = cycleOf cell "vision";
      expected = [ "vision" ];
    }
  ];
  memberOf = [
    {
      expr = (memberOf cell "torch").version;
      expected = "1";
    }
    {
      expr = (builtins.tryEval (memberOf cell "xformers")).success;
      expected = false;
    }
  ];
  attemptsOf = [
    {
      expr = map (prefer: attemptsOf prefer true) [
        "wheel"
        "newest"
        "source"
      ];
      expected = [
        [
          "never"
          "where needed"
        ]
        [ "where needed" ]
        [ "where possible" ]
      ];
    }
    {
      expr = attemptsOf "source" false;
      expected = [ "never" ];
    }
  ];
  kindOf = [
    {
      # vision's wheel does not serve 8.0, its source does; torch has no source, extension no wheel.
      expr =
        let
          kinds =
            compiling:
            map (kindOf compilable compiling) [
              "torch"
              "vision"
              "extension"
            ];
        in
        map kinds [
          "never"
          "where needed"
          "where possible"
        ];
      expected = [
        [
          "wheel"
          null
          null
        ]
        [
          "wheel"
          "source"
          "source"
        ]
        [
          "wheel"
          "source"
          "source"
        ]
      ];
    }
    {
      # Where both serve, the wheel, but for one who asks for sources.
      expr = map (compiling: kindOf (compilable // { computeCapabilities = [ ]; }) compiling "vision") [
        "where needed"
        "where possible"
      ];
      expected = [
        "wheel"
        "source"
      ];
    }
  ];
  wheelObjections = [
    {
      expr = wheelObjections compilable "extension";
      expected = [ "extension 2 has no wheel that fits this cell" ];
    }
    {
      expr = wheelObjections (
        request
        // {
          cell = cell // {
            packages.torch = {
              version = "1";
              wheel = {
                covers = [ "9.0" ];
                provenance = "declared";
                glibc = null;
              };
            };
          };
          onlyAudited = true;
        }
      ) "torch";
      expected = [ "the facts about the wheel of torch 1 are declared, not audited" ];
    }
  ];
  sourceObjections = [
    {
      expr = sourceObjections compilable "vision";
      expected = [ ];
    }
    {
      expr = sourceObjections (compilable // { computeCapabilities = [ "9.0" ]; }) "vision";
      expected = [ "the source of vision 1 does not compile for 9.0 (it compiles for 8.0)" ];
    }
    {
      expr = sourceObjections request "torch";
      expected = [ "torch 1 cannot be compiled for this cell" ];
    }
  ];
  objections = [
    {
      # Without a compiler it is said that one would do.
      expr = objections compilable;
      expected = [
        "the wheel of vision 1 has no code for 8.0 (it covers 9.0)"
        "vision 1 could be compiled in roughly 10 minutes of one core: give a compiler, like compiler = \"gcc13\""
      ];
    }
    {
      expr = objections (compilable // { compiling = "where needed"; });
      expected = [ ];
    }
    {
      expr = objections request;
      expected = [ ];
    }
    {
      expr = objections (
        request
        // {
          computeCapabilities = [
            "8.0"
            "9.0"
          ];
        }
      );
      expected = [ "the wheel of vision 1 has no code for 8.0 (it covers 9.0)" ];
    }
    {
      expr = objections (
        request
        // {
          names = [
            "xformers"
            "nothing"
          ];
        }
      );
      expected = [
        "xformers has no wheel for it"
        "nothing is not in the catalogue for torch 2.9.1"
      ];
    }
    {
      # One for each wheel: 2.9 is older than 2.28.
      expr = builtins.length (objections (request // { glibc = "2.9"; }));
      expected = 3;
    }
  ];
}
