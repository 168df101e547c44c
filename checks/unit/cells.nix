{
  attemptsOf,
  blockersOf,
  closureOf,
  coveredOf,
  cycleOf,
  kindOf,
  memberOf,
  sourceOf,
  wantedOf,
  wheelCauses,
}:
let
  package = requires: covers: {
    version = "1";
    inherit requires;
    wheel = {
      inherit covers;
      provenance = "audited";
      glibc = "2.28";
      sass = [ "sm_90" ];
      ptx = [ ];
    };
  };
  cell = {
    packages = {
      torch = package [ "triton" ] [ "8.0" "9.0" ];
      # Requirements may go round.
      triton = package [ "torch" ] [ "8.0" "9.0" ];
      vision = package [ "torch" ] [ "9.0" ];
    };
    absent.xformers = {
      version = "0.1";
      why = {
        cause = "without-cuda";
      };
    };
  };
  # A request to a cell of one wheel, with these attributes.
  ofWheel =
    wheel:
    request
    // {
      cell = cell // {
        packages.torch = {
          version = "1";
          wheel = {
            covers = [ "9.0" ];
            provenance = "audited";
            glibc = null;
          }
          // wheel;
        };
      };
    };
  request = {
    inherit cell;
    compilers = [ ];
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
  wantedOf =
    let
      withExtras = cell // {
        extras.vision = {
          plots.requires = [ "triton" ];
          old = {
            requires = [ ];
            blockers = [
              {
                package = "triton";
                version = "1";
                why.cause = "no-wheel";
              }
            ];
          };
        };
      };
      of = extras: wantedOf withExtras { extras.vision = extras; };
    in
    [
      {
        expr = of [ "plots" ];
        expected = {
          names = [ "triton" ];
          blockers = [ ];
        };
      }
      {
        expr = (of [ "old" ]).blockers;
        expected = [
          {
            package = "triton";
            version = "1";
            why.cause = "no-wheel";
            source = null;
          }
        ];
      }
      {
        expr = (of [ "plot" ]).blockers;
        expected = [
          {
            package = "vision";
            version = "1";
            why = {
              cause = "no-such-extra";
              extra = "plot";
              extras = [
                "old"
                "plots"
              ];
            };
            source = null;
          }
        ];
      }
      # A package that the cell lacks is another blocker; and a cell may have no extras at all.
      {
        expr = wantedOf cell { extras.xformers = [ "all" ]; };
        expected = {
          names = [ ];
          blockers = [ ];
        };
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
          "never, by projects"
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
    {
      expr = attemptsOf "wheel" false;
      expected = [
        "never, by projects"
        "never"
      ];
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
  wheelCauses = [
    {
      expr = wheelCauses compilable "extension";
      expected = [ { cause = "no-wheel"; } ];
    }
    {
      expr = wheelCauses (ofWheel { provenance = "declared"; } // { onlyAudited = true; }) "torch";
      expected = [
        {
          cause = "unread";
          provenance = "declared";
        }
      ];
    }
    {
      # A third party's wheel, where none is taken.
      expr = wheelCauses (ofWheel { publisher = "builder"; } // { publishers = [ "other" ]; }) "torch";
      expected = [
        {
          cause = "excluded";
          publisher = "builder";
        }
      ];
    }
  ];
  sourceOf = [
    {
      expr = sourceOf compilable "vision";
      expected = {
        compiling = "possible";
        compilers = [ ];
        minutes = 10;
      };
    }
    {
      expr = sourceOf (compilable // { computeCapabilities = [ "9.0" ]; }) "vision";
      expected = {
        compiling = "unsupported";
        lacking = [ "9.0" ];
        supports = [ "8.0" ];
      };
    }
    {
      expr = sourceOf request "torch";
      expected = null;
    }
  ];
  blockersOf =
    let
      uncovered = {
        package = "vision";
        version = "1";
        why = {
          cause = "uncovered";
          lacking = [ "8.0" ];
          covers = [ "9.0" ];
          code = [ "sm_90" ];
        };
        source = null;
      };
    in
    [
      {
        # Without a compiler it is said that one would do.
        expr = blockersOf compilable;
        expected = [
          (
            uncovered
            // {
              source = {
                compiling = "possible";
                compilers = [ ];
                minutes = 10;
              };
            }
          )
        ];
      }
      {
        expr = blockersOf (compilable // { compiling = "where needed"; });
        expected = [ ];
      }
      {
        expr = blockersOf request;
        expected = [ ];
      }
      {
        # A third party's wheel is none of the project's, and serves afterwards.
        expr =
          let
            own = package [ ] [ "9.0" ];
            theirs = own // {
              wheel = own.wheel // {
                publisher = "builder";
              };
            };
          in
          map
            (
              compiling:
              map (blocker: blocker.why) (
                blockersOf (
                  request
                  // {
                    inherit compiling;
                    cell = cell // {
                      packages.vision = theirs;
                    };
                  }
                )
              )
            )
            [
              "never, by projects"
              "never"
            ];
        expected = [
          [
            {
              cause = "third-party";
              publisher = "builder";
            }
          ]
          [ ]
        ];
      }
      {
        expr = blockersOf (
          request
          // {
            computeCapabilities = [
              "8.0"
              "9.0"
            ];
          }
        );
        expected = [ uncovered ];
      }
      {
        expr = blockersOf (
          request
          // {
            names = [
              "xformers"
              "nothing"
            ];
          }
        );
        expected = [
          {
            package = "nothing";
            version = null;
            why = {
              cause = "not-in-set";
            };
            source = null;
          }
          {
            package = "xformers";
            version = "0.1";
            why = {
              cause = "without-cuda";
            };
            source = null;
          }
        ];
      }
      {
        # One for each wheel: 2.9 is older than 2.28.
        expr = map (blocker: blocker.why.cause) (blockersOf (request // { glibc = "2.9"; }));
        expected = [
          "glibc"
          "glibc"
          "glibc"
        ];
      }
    ];
}
