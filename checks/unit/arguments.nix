{ arguments, pkgs }:
let
  inherit (arguments)
    interpreterOf
    compilerOf
    ofRequest
    complaints
    ;
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
      }) [ "packages" ];
      expected = {
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
