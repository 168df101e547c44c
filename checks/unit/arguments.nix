{
  arguments,
  pkgs,
  versions,
}:
let
  inherit (arguments)
    interpreterOf
    ofRequest
    complaints
    didYouMean
    known
    chosen
    overridden
    ;
  # A package set with some compilers and interpreters, one of each removed.
  made = import ../../overlays/builders/arguments.nix {
    inherit (pkgs) lib;
    inherit versions;
    pkgs = {
      stdenv.cc.version = "15.2.0";
      gcc14Stdenv.cc.version = "14.3.0";
      gcc13Stdenv.cc.version = "13.4.0";
      gcc12Stdenv = throw "removed";
      python312 = { };
      python313FreeThreading = { };
      python310 = throw "removed";
    };
  };
  inherit (made) hasPython isThere thereLike;
  autoOf =
    range:
    made.compilerOf {
      compiler = "auto";
      inherit range;
    };
  ofRange = range: compiler: arguments.compilerOf { inherit compiler range; };
  compilerOf = ofRange null;
  upTo = max: {
    gcc = {
      inherit max;
      min = 5;
    };
  };
  refuses = value: !(builtins.tryEval value).success;
  good = {
    cuda = "12.8";
    computeCapabilities = [ "8.6" ];
    torch = null;
    prefer = "wheel";
    onlyAudited = false;
    publishers = null;
    allow = [ ];
    known = [ "8.6" ];
  };
in
{
  known =
    let
      of = known {
        called = "f";
        arguments = {
          python = false;
          torch = true;
        };
        example = "{ python = \"3.13\"; }";
      };
    in
    [
      {
        expr = of { python = 1; };
        expected.python = 1;
      }
      {
        expr = map (given: refuses (of given)) [
          null
          { torch = 1; }
          {
            python = 1;
            pyton = 2;
          }
        ];
        expected = [
          true
          true
          true
        ];
      }
    ];
  chosen = [
    {
      expr = chosen "extraPackages" (ps: [ ps.one ]) { one = 1; };
      expected = [ 1 ];
    }
    {
      expr = map (choose: refuses (chosen "extraPackages" choose { one = 1; })) [
        [ ]
        null
        (ps: ps.one)
      ];
      expected = [
        true
        true
        true
      ];
    }
  ];
  inContext = [
    {
      # Each is read when it is used.
      expr = builtins.length (arguments.inContext "while a test reads it" [ (throw "read") ]);
      expected = 1;
    }
  ];
  catalogueOf =
    let
      of = arguments.catalogueOf "f";
    in
    [
      {
        expr = map of [
          ../fixtures/catalogue
          (toString ../fixtures/catalogue)
          { outPath = toString ../fixtures/catalogue; }
          { cells = { }; }
        ];
        expected = [
          ../fixtures/catalogue
          (toString ../fixtures/catalogue)
          (toString ../fixtures/catalogue)
          { cells = { }; }
        ];
      }
      {
        expr = map (given: refuses (of given)) [
          null
          3
          [ ../fixtures/catalogue ]
          (_: ../fixtures/catalogue)
          { }
          { cells = null; }
          ../fixtures/none
          ../fixtures
          ./vectors.json
        ];
        expected = builtins.genList (_: true) 9;
      }
    ];
  overridden =
    let
      build = {
        drvPath = 1;
        source = null;
      };
      of =
        change:
        overridden change { } {
          torch = build;
        };
    in
    [
      {
        # What is new may be anything.
        expr = of (
          _: prev: {
            torch = prev.torch // {
              name = "mine";
            };
            new = 3;
          }
        );
        expected = {
          torch = build // {
            name = "mine";
          };
          new = 3;
        };
      }
      {
        expr = map refuses [
          (of { })
          (of (_: 3))
          (of (_: _: 3))
          (of (_: _: { torch = null; })).torch
          (of (_: _: { torch.drvPath = 1; })).torch
        ];
        expected = [
          true
          true
          true
          true
          true
        ];
      }
      {
        # Each is looked at when it is used.
        expr = refuses (of (_: _: { torch = throw "used"; }));
        expected = false;
      }
    ];
  interpreterOf = [
    {
      expr = (interpreterOf "3.11").interpreter == pkgs.python311;
      expected = true;
    }
    {
      expr = (interpreterOf pkgs.python312).version;
      expected = "3.12";
    }
    {
      expr =
        (interpreterOf {
          pythonVersion = "3.13";
          executable = "python3.13t";
        }).version;
      expected = "3.13t";
    }
    {
      expr = refuses (interpreterOf "3.11.4");
      expected = true;
    }
    {
      # The version of PyPy's language says nothing of its wheels.
      expr = refuses (interpreterOf {
        pythonVersion = "3.11";
        implementation = "pypy";
      });
      expected = true;
    }
  ];
  compilerOf = [
    {
      expr = compilerOf null;
      expected = null;
    }
    {
      # The package set is only asked for the compiler when that is used.
      expr = removeAttrs (compilerOf "gcc13") [ "stdenv" ];
      expected = {
        name = "gcc13";
        kind = "gcc";
        major = 13;
      };
    }
    {
      expr =
        (compilerOf {
          cc = {
            isClang = true;
            version = "17.0.6";
          };
        }).name;
      expected = "clang17";
    }
    {
      expr = refuses (compilerOf "gcc");
      expected = true;
    }
    {
      # The newest that CUDA takes: the set's own where it does.
      expr =
        map (max: (autoOf (upTo max)).name) [
          15
          14
          13
        ]
        ++ [
          (autoOf null).name
          (refuses (autoOf (upTo 12)))
        ];
      expected = [
        "gcc15"
        "gcc14"
        "gcc13"
        "gcc15"
        true
      ];
    }
  ];
  isThere = [
    {
      # What was removed is an attribute still, that throws.
      expr = map isThere [
        "gcc13Stdenv"
        "gcc12Stdenv"
        "gcc7Stdenv"
      ];
      expected = [
        true
        false
        false
      ];
    }
  ];
  hasPython = [
    {
      expr = map hasPython [
        "3.12"
        "3.13t"
        "3.10"
        "3.13"
      ];
      expected = [
        true
        true
        false
        false
      ];
    }
  ];
  thereLike = [
    {
      expr = thereLike "gcc[0-9]+Stdenv";
      expected = [
        "gcc13Stdenv"
        "gcc14Stdenv"
      ];
    }
  ];
  didYouMean = [
    {
      expr = didYouMean "tourch" [
        "torch"
        "triton"
        "xformers"
      ];
      expected = ": did you mean torch?";
    }
    {
      expr = didYouMean "pandas" [ "torch" ];
      expected = "";
    }
  ];
  ofRequest = [
    {
      expr = removeAttrs (ofRequest {
        packages = [ "torch" ];
        python = "3.12";
        cuda = "12.8";
        compute_capabilities = [ "8.6" ];
        compiler.gcc = 13;
        torch = null;
        prefer = "newest";
        allow = [ "AX201" ];
      }) [ ];
      expected = {
        packages = [ "torch" ];
        python = "3.12";
        cuda = "12.8";
        computeCapabilities = [ "8.6" ];
        compiler = "gcc13";
        prefer = "newest";
        allow = [ "AX201" ];
      };
    }
  ];
  complaints = [
    {
      expr = complaints good;
      expected = [ ];
    }
    {
      # Numbers, before anything is done with them.
      expr = builtins.length (
        complaints (
          good
          // {
            cuda = 12.8;
            torch = 2.9;
          }
        )
      );
      expected = 2;
    }
    {
      # All at once.
      expr = builtins.length (
        complaints (
          good
          // {
            computeCapabilities = [
              "8.5"
              "8.5"
            ];
            prefer = "best";
            allow = [ "gcc" ];
          }
        )
      );
      expected = 4;
    }
    {
      expr = complaints (
        good
        // {
          cuda = null;
          computeCapabilities = [ ];
        }
      );
      expected = [ ];
    }
  ];
}
