/**
  One environment a cell of the catalogue: torch, for every compute capability that it and all that it requires cover.

  The names are those of the matrix, without dots: `python3_11-cuda12_8-torch2_9_1`. Each has `plus`: the same with one
  more package of its cell, by name, and what its test on a GPU takes, for what all cover; and `compiled`: with one more package, compiled by the package
  set's own compiler for one capability.
*/
{
  pkgs,
  axle ? pkgs.axle,
}:
let
  inherit (builtins)
    attrNames
    concatMap
    elem
    filter
    head
    listToAttrs
    map
    mapAttrs
    ;
  inherit (pkgs.lib) filterAttrs;
  names = import ./names.nix;
  gpuTests = import ../overlays/gpu-tests { inherit pkgs; };
  inherit (axle) cells;
in
listToAttrs (
  concatMap (
    file:
    let
      cell = cells.${file};
      cuda = if cell.cuda == "cpu" then null else cell.cuda;
    in
    map (torch: {
      name = names.environment cell torch;
      value =
        let
          inherit (cell.torch.${torch}) packages;
          coveredOf = axle.internal.cells.coveredOf cell.torch.${torch};
          covered = coveredOf [ "torch" ];
          environment =
            request:
            (axle.concretise (
              {
                inherit cuda torch;
                inherit (cell) python;
                packages = highLevel: [ highLevel.torch ];
                computeCapabilities = if cuda == null then [ ] else covered;
              }
              // request
            )).python;
          both = name: highLevel: [
            highLevel.torch
            highLevel.${name}
          ];
          beside = name: filter (other: packages ? ${other}) (gpuTests.beside.${name} or [ ]);
        in
        environment { }
        // {
          plus = mapAttrs (
            name: _:
            environment {
              packages = highLevel: both name highLevel ++ map (other: highLevel.${other}) (beside name);
              computeCapabilities =
                if cuda == null then
                  [ ]
                else
                  coveredOf (
                    [
                      "torch"
                      name
                    ]
                    ++ beside name
                  );
            }
          ) (filterAttrs (_: package: package.wheel != null) packages);

          compiled = mapAttrs (
            name: package:
            let
              able = filter (cc: elem cc package.source.capabilities) covered;
            in
            environment {
              packages = both name;
              computeCapabilities =
                if cuda == null then
                  [ ]
                else if elem "8.6" able then
                  [ "8.6" ]
                else
                  [ (head able) ];
              compiler = pkgs.stdenv;
              prefer = "source";
            }
          ) (filterAttrs (_: package: package.source or null != null) packages);
        };
    }) (filter (torch: cell.torch.${torch}.packages ? torch) cell.order)
  ) (attrNames cells)
)
