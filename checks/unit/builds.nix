# What a build server walks: each build once, under a name without quotes, and an aggregate of each cell.
{ pkgs, fixture }:
let
  inherit (builtins)
    all
    attrNames
    attrValues
    concatMap
    filter
    head
    length
    map
    mapAttrs
    match
    ;
  inherit (pkgs) lib;
  inherit
    (import ../builds.nix {
      inherit pkgs;
      inherit (fixture) axle;
      matrix = { };
    })
    jobs
    order
    counts
    ;

  # As nix-eval-jobs walks: into every set that is no derivation.
  walk =
    path: value:
    if value.type or null == "derivation" then
      [ { inherit path value; } ]
    else
      concatMap (name: walk (path ++ [ name ]) value.${name}) (attrNames value);
  found = walk [ ] jobs;
  paths = map (one: one.value.drvPath) found;
  isAggregate = one: one.value._hydraAggregate or false;
  builds = filter (one: !isAggregate one) found;
  namesOf = cell: map (drv: drv.pname) jobs.cells.${cell}.constituents;
in
{
  walk = [
    {
      expr = length (lib.unique paths) == length paths;
      expected = true;
    }
    {
      expr = [
        (length builds)
        (length (filter isAggregate found))
      ];
      expected = [
        counts.builds
        counts.cells
      ];
    }
    {
      expr = filter (name: match "[A-Za-z_][A-Za-z0-9_-]*" name == null) (
        concatMap (one: one.path) found
      );
      expected = [ ];
    }
    # Every build is part of a cell, and a cell has nothing else.
    {
      expr =
        lib.unique (
          builtins.sort (a: b: a < b) (
            concatMap (cell: map (drv: drv.drvPath) cell.constituents) (attrValues jobs.cells)
          )
        ) == builtins.sort (a: b: a < b) (map (one: one.value.drvPath) builds);
      expected = true;
    }
    {
      expr = builtins.sort (a: b: a < b) order == attrNames jobs.builds;
      expected = true;
    }
  ];
  cells = [
    {
      expr = namesOf "python3_11-cpu-torch2_9_1";
      expected = map (name: "${name}-wheel") [
        "nvidia-cuda-runtime-cu12"
        "nvidia-nvtx-cu12"
        "torch"
        "tqdm"
        "typing-extensions"
      ];
    }
  ];
  meta = [
    {
      expr = mapAttrs (_: build: build.meta.license.shortName or "") (
        lib.filterAttrs (_: build: build.pname == "nvidia-nvtx-cu12-wheel") jobs.builds
      );
      expected = {
        ${head (filter (name: match "nvidia-nvtx-cu12-.*" name != null) order)} = "NVIDIA EULA";
      };
    }
    {
      expr = all (build: build.meta.size > 6000) (attrValues jobs.builds);
      expected = true;
    }
  ];
}
