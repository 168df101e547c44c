/**
  Requests that must be refused, by name. `builtins.tryEval` cannot see what an error says, so a test evaluates
  them one at a time with `nix eval` and compares what it prints.
*/
{
  pkgs,
  # The package set as it is without a word about unfree packages.
  strict,
}:
let
  fixture = import ./fixture.nix { inherit pkgs; };
  inherit (fixture)
    axle
    env
    other
    request
    ;
  field = import ./field.nix { inherit pkgs; };
  # For a GPU that an older torch alone serves, and without what nobody has read.
  older = axle.concretise (
    request
    // {
      packages = highLevel: [ highLevel.torch ];
      computeCapabilities = [ "6.1" ];
      onlyAudited = true;
    }
  );
  package =
    python: pname:
    python.pkgs.toPythonModule (
      pkgs.stdenvNoCC.mkDerivation {
        inherit pname;
        version = "1";
        buildCommand = "mkdir $out";
      }
    );
  with' = change: (axle.concretise (request // change)).id;
in
{
  argument-missing = (axle.concretise (removeAttrs request [ "cuda" ])).id;
  argument-unknown = with' { computeCapability = "8.6"; };
  arguments-no-set = (axle.concretise null).id;
  allow-malformed = with' { allow = [ "gcc-too-new" ]; };
  capability-not-covered = with' { computeCapabilities = [ "6.1" ]; };
  capability-unknown = with' { computeCapabilities = [ "8.5" ]; };
  capability-malformed = with' { computeCapabilities = [ "sm_86" ]; };
  capability-twice = with' {
    computeCapabilities = [
      "8.6"
      "8.6"
    ];
  };
  capability-none = with' { computeCapabilities = [ ]; };
  capability-without-cuda = with' { cuda = null; };
  compiler-too-new = with' { compiler = "gcc99"; };
  hook-stdenv-too-new =
    (axle.buildCheckHook {
      cuda = "12.8";
      stdenv = {
        cc = {
          isClang = false;
          version = "15.2.0";
        };
      };
    }).outPath;
  compiler-malformed = with' { compiler = "icc"; };
  compiler-not-in-set = (axle.concretise (request // { compiler = "gcc7"; })).world;
  cuda-malformed = with' { cuda = "cpu"; };
  cuda-without-quotes = with' { cuda = 12.8; };
  cuda-without-cells = with' { cuda = "11.8"; };
  dev-shell-of-a-release = (env.devShell { cuda = "12.8"; }).drvPath;
  extend-no-function = (env.extend [ ]).python.drvPath;
  extra-packages-no-function = (axle.concretise (request // { extraPackages = [ ]; })).python.drvPath;
  extra-packages-no-list =
    (axle.concretise (request // { extraPackages = ps: ps.torch; })).python.drvPath;
  high-level-built = env.packages.torch.highLevel.outPath;
  high-level-in-environment =
    (pkgs.buildEnv {
      name = "env";
      paths = [ env.packages.torch.highLevel ];
    }).drvPath;
  high-level-in-python = (pkgs.python311.withPackages (_: [ env.packages.torch.highLevel ])).drvPath;
  high-level-in-shell = (pkgs.mkShell { packages = [ env.packages.torch.highLevel ]; }).drvPath;
  mixed-worlds-by-extra-packages =
    (axle.concretise (request // { extraPackages = _: [ other.packages.torch ]; })).python.drvPath;
  mixed-worlds-by-shell = (env.extend (_: [ other.packages.torch ])).shell.drvPath;
  mixed-worlds-through-another-package =
    (env.python.withPackages (ps: [
      (ps.python.pkgs.toPythonModule (
        pkgs.stdenvNoCC.mkDerivation {
          pname = "between";
          version = "1";
          propagatedBuildInputs = [ other.packages.torch ];
          buildCommand = "mkdir $out";
        }
      ))
    ])).drvPath;
  mixed-worlds = (env.python.withPackages (_: [ other.packages.torch ])).outPath;
  lock-of-no-file = (axle.fromLock null).env.id;
  lock-of-another-kind =
    (axle.fromLock (builtins.toFile "axle.lock.json" (builtins.toJSON { schema = 2; }))).env.id;
  lock-without-request =
    (axle.fromLock (
      builtins.toFile "axle.lock.json" (
        builtins.toJSON {
          schema = "axle.lock/2";
          request = null;
        }
      )
    )).env.id;
  catalogue-null = ((pkgs.axle.withCatalogue null).concretise request).id;
  catalogue-of-another-type =
    ((pkgs.axle.withCatalogue (_: ./fixtures/catalogue)).concretise request).id;
  catalogue-no-folder = ((pkgs.axle.withCatalogue "/no-such-catalogue").concretise request).id;
  catalogue-without-cells = ((pkgs.axle.withCatalogue { }).concretise request).id;
  overrides-no-build =
    (axle.concretise (request // { overrides = _: _: { torch = pkgs.coreutils; }; })).python.drvPath;
  overrides-no-function = (axle.concretise (request // { overrides = { }; })).python.drvPath;
  only-audited-mistyped = with' { onlyAudited = "yes"; };
  only-audited = with' {
    onlyAudited = true;
    packages = highLevel: [ highLevel.tqdm ];
    computeCapabilities = [ "6.1" ];
  };
  package-absent-by-extra = (env.extend (ps: [ ps.flash-attn ])).python.drvPath;
  # A package without a wheel, without a compiler: nixpkgs reads its metadata before its path.
  package-uncompiled-by-extra =
    ((pkgs.axle.withCatalogue (import ./compilable.nix)).concretise (
      request
      // {
        packages = highLevel: [ highLevel.torch ];
        torch = "2.10";
        extraPackages = ps: builtins.seq ps.extension.meta [ ps.extension ];
      }
    )).python.drvPath;
  package-absent-by-requirement =
    (field.env.python.withPackages (ps: [ ps.with-flash-attn ])).drvPath;
  package-not-served-by-extra = (older.python.withPackages (ps: [ ps.tqdm ])).drvPath;
  package-of-the-set = with' { packages = highLevel: [ highLevel.toPythonModule ]; };
  package-misspelt = with' { packages = [ "tdqm" ]; };
  package-missing = with' { packages = highLevel: [ highLevel.flash-attn ]; };
  packages-not-high-level = with' { packages = _: [ env.packages.torch ]; };
  prefer-unknown = with' { prefer = "newst"; };
  not-a-package = (env.python.withPackages (_: [ (x: x) ])).outPath;
  not-a-python-package = (env.python.withPackages (_: [ pkgs.coreutils ])).outPath;
  of-another-package-set =
    (env.python.withPackages (_: [
      (
        package pkgs.python311 "requests"
        // {
          pythonModule = pkgs.python311 // {
            outPath = "/nix/store/00000000000000000000000000000000-python3-3.11.9";
          };
        }
      )
    ])).outPath;
  torch-of-the-set = (env.python.withPackages (_: [ (package pkgs.python311 "torch") ])).outPath;
  of-another-python = (env.python.withPackages (_: [ (package pkgs.python312 "requests") ])).outPath;
  python-malformed = with' { python = "python3.11"; };
  python-not-in-set = with' { python = "3.7"; };
  python-of-another-implementation = with' {
    python = pkgs.python311 // {
      name = "pypy3.11-7.3.20";
      implementation = "pypy";
    };
  };
  python-not-an-interpreter = with' { python = pkgs.coreutils; };
  toolkit-of-another-cuda = with' {
    toolkit = {
      outPath = "";
      version = "13.0.2";
    };
  };
  toolkit-without-cuda = with' {
    cuda = null;
    computeCapabilities = [ ];
    toolkit = pkgs.coreutils;
  };
  torch-malformed = with' { torch = ">=2.9"; };
  torch-not-in-cell = with' { torch = "2.6"; };
  soname-not-provided =
    (axle.concretise (request // { packages = highLevel: [ highLevel.wrapt ]; })).python.drvPath;
  torch-unknown = with' { torch = "9.9"; };
  unfree = ((strict.axle.withCatalogue ./fixtures/catalogue).concretise request).python.drvPath;
  could-be-compiled =
    ((pkgs.axle.withCatalogue (import ./compilable.nix)).concretise (
      request
      // {
        packages = highLevel: [ highLevel.extension ];
        torch = "2.10";
      }
    )).id;
  toolkit-not-in-set =
    ((pkgs.axle.withCatalogue (import ./compilable.nix)).concretise (
      request
      // {
        packages = highLevel: [ highLevel.extension ];
        torch = "2.10";
        compiler = pkgs.stdenv // {
          cc = pkgs.stdenv.cc // {
            version = "13";
          };
        };
      }
    )).builds.extension.drvPath;
}
