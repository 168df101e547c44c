/**
  What a lock holds, for a test that compares it with the plan that `axle lock` printed.

  # Examples

  ```nix
  locks ./axle.lock.json
  => { id = "…"; plan = { … }; python = "/nix/store/….drv"; toolkit = "/nix/store/….drv"; }
  ```
*/
{ pkgs }:
file:
let
  inherit (pkgs.axle.fromLock file) env;
in
{
  inherit (env) id plan;
  # All that is fetched, patched and linked can be told, too.
  python = env.python.drvPath;
  toolkit = env.toolkit.drvPath;
}
