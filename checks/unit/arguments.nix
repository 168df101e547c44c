{ arguments, pkgs }:
let
  inherit (arguments)
    interpreterOf
    ofRequest
    complaints
    didYouMean
    hasPython
    isThere
    thereLike
    ;
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
    allow = [ ];
    known = [ "8.6" ];
  };
in
{
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
      # The newest that CUDA takes: the stand-in has one compiler, under two names.
      expr = [
        (ofRange (upTo 13) "auto").name
        (refuses (ofRange (upTo 8) "auto"))
      ];
      expected = [
        "gcc12"
        true
      ];
    }
  ];
  isThere = [
    {
      # What was removed is an attribute still, that throws.
      expr = map isThere [
        "gcc12Stdenv"
        "gcc11Stdenv"
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
        "3.11"
        "3.9"
        "3.13t"
      ];
      expected = [
        true
        false
        false
      ];
    }
  ];
  thereLike = [
    {
      expr = thereLike "gcc[0-9]+Stdenv";
      expected = [ "gcc12Stdenv" ];
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
