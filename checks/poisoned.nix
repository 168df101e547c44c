/**
  The environment of a lock on a package set that lacks nothing to compile it, for a test that damages the lock.

  `document` is such a lock: the catalogue of compilable.nix with a request for all of it.
*/
{ lock }:
let
  pkgs = import ./host {
    system = "x86_64-linux";
    config.allowUnfree = true;
    overlays = [
      (import ../overlays)
      (
        final: _:
        let
          empty = name: final.runCommand name { } "mkdir $out";
        in
        {
          axle-auditor = empty "axle-auditor";
          cudaPackages_12_8 = final.lib.genAttrs [ "cuda_nvcc" "cuda_cudart" "cccl" ] empty;
        }
      )
    ];
  };
in
{
  document = import ./compilable.nix // {
    schema = "axle.lock/2";
    request = {
      packages = [
        "tqdm"
        "six"
        "extension"
      ];
      python = "3.11";
      cuda = "12.8";
      compute_capabilities = [ "8.6" ];
      compiler.gcc = 12;
      torch = "2.10";
    };
  };

  inherit (pkgs.axle.fromLock lock) env;
}
