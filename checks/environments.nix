/**
  One environment a cell of the catalogue: torch, for every compute capability that its wheel covers.

  The names are those of the matrix, without dots: `python3_11-cuda12_8-torch2_9_1`. Each has `plus`: the same with one
  more package of its cell, by name.
*/
{
  pkgs,
  axle ? pkgs.axle,
}:
let
  inherit (builtins)
    attrNames
    concatMap
    filter
    listToAttrs
    map
    mapAttrs
    replaceStrings
    ;
  undotted = replaceStrings [ "." ] [ "_" ];
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
      name = undotted "python${cell.python}-${
        if cuda == null then "cpu" else "cuda${cuda}"
      }-torch${torch}";
      value =
        let
          environment =
            names:
            (axle.concretise {
              inherit cuda torch;
              inherit (cell) python;
              packages = highLevel: map (name: highLevel.${name}) names;
              computeCapabilities = if cuda == null then [ ] else cell.torch.${torch}.packages.torch.wheel.covers;
            }).python;
        in
        environment [ "torch" ]
        // {
          plus = mapAttrs (
            name: _:
            environment [
              "torch"
              name
            ]
          ) cell.torch.${torch}.packages;
        };
    }) (filter (torch: cell.torch.${torch}.packages ? torch) cell.order)
  ) (attrNames cells)
)
