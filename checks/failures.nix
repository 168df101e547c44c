/**
  What evaluates and must not build: environments and shells that hold packages of two concretisations, made without
  axle's functions, and a wheel with another hash. A test builds them one at a time and looks for what is said.
*/
{ pkgs }:
let
  inherit (import ./fixture.nix { inherit pkgs; }) env other;
in
(import ./compiled.nix { inherit pkgs; }).failures
// (import ./field.nix { inherit pkgs; }).failures
// (import ./run-time.nix { inherit pkgs; }).failures
// {
  build-env = pkgs.buildEnv {
    name = "mixed";
    paths = [
      env.packages.tqdm
      other.packages.six
    ];
  };
  python-with-packages = pkgs.python311.withPackages (_: [
    env.packages.tqdm
    other.packages.six
  ]);
  shell-of-packages = pkgs.mkShell {
    packages = [
      env.packages.tqdm
      other.packages.six
    ];
  };
  shell-of-environments = pkgs.mkShell {
    packages = [
      env.python
      other.python
    ];
  };
  shell-of-both = pkgs.mkShell {
    packages = [
      env.python
      other.packages.six
    ];
  };
  shell-of-shells = pkgs.mkShell {
    inputsFrom = [
      env.shell
      other.shell
    ];
  };
  wrong-hash = pkgs.fetchPypi {
    pname = "six";
    version = "1.17.0";
    format = "wheel";
    python = "py2.py3";
    dist = "py2.py3";
    abi = "none";
    platform = "any";
    hash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  };
}
