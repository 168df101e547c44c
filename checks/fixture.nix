/**
  A small world to try the layers on: `fixtures/catalogue` describes real, small wheels of the package index,
  under names and with requirements that exercise every rule. Its `torch` is MarkupSafe's wheel (an extension
  module for one Python), which is said to need libraries of two real CUDA wheels that share the folder
  `nvidia`; `six` and `iniconfig` require each other.
*/
{ pkgs }:
let
  axle = pkgs.axle.withCatalogue ./fixtures/catalogue;

  request = {
    packages = highLevel: [
      highLevel.tqdm
      highLevel.six
    ];
    python = "3.11";
    cuda = "12.8";
    computeCapabilities = [
      "9.0"
      "8.6"
    ];
  };
  env = axle.concretise request;
  other = axle.concretise (request // { computeCapabilities = [ "8.0" ]; });
  # Another cell, of the same wheels.
  withoutCuda = axle.concretise (
    request
    // {
      cuda = null;
      computeCapabilities = [ ];
    }
  );
in
{
  inherit
    axle
    request
    env
    other
    withoutCuda
    ;

  checks = {
    # Python finds what it is to find, and neither a package nor a library outside the store.
    fixture-import = pkgs.runCommand "axle-fixture-import" { } ''
      ${env.python}/bin/python3.11 -I ${./fixtures/import.py}
      ${env.python}/bin/tqdm --version
      touch $out
    '';

    # What may be run in the archive may be run in the store: here a script, which is no ELF member.
    fixture-modes = pkgs.runCommand "axle-fixture-modes" { } ''
      cd ${env.packages.tqdm.build}/wheel/tqdm
      [ "$(stat -c %a completion.sh __init__.py)" = $'555\n444' ]
      touch $out
    '';

    # Hooks of two worlds in one shell stop it, with a message that names both targets.
    fixture-mixing = pkgs.runCommand "axle-fixture-mixing" { } ''
      source ${env.packages.torch}/nix-support/setup-hook
      source ${env.packages.tqdm}/nix-support/setup-hook
      source ${env.python}/nix-support/setup-hook
      for stranger in ${other.packages.torch} ${other.python}; do
        if (source $stranger/nix-support/setup-hook) 2> message; then
          echo "two worlds met, and nothing stopped them" >&2
          exit 1
        fi
        grep -q 'compute capabilities 8.6 9.0' message
        grep -q 'compute capabilities 8.0;' message
      done
      touch $out
    '';

    # Each member finds its libraries in the build that the catalogue names, and nowhere else.
    fixture-rpath = pkgs.runCommand "axle-fixture-rpath" { nativeBuildInputs = [ pkgs.patchelf ]; } ''
      member=$(echo ${env.packages.torch.build}/wheel/markupsafe/_speedups.*.so)
      expected='$ORIGIN'
      expected+=:${env.packages.nvidia-cuda-runtime-cu12.build}/wheel/nvidia/cuda_runtime/lib
      expected+=:${env.packages.nvidia-nvtx-cu12.build}/wheel/nvidia/nvtx/lib
      expected+=:${pkgs.glibc}/lib:${pkgs.addDriverRunpath.driverLink}/lib
      [ "$(patchelf --print-rpath "$member")" = "$expected" ]
      touch $out
    '';
  };
}
