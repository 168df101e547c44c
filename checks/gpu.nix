/**
  The tests on a GPU, by package: each in the first cell that has a wheel of the package, for every compute capability that
  it covers there. Cells for which cache.nixos.org has the interpreter come first.
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
    head
    map
    match
    ;
  inherit (pkgs) lib;

  files = attrNames axle.cells;
  isFirst = file: file == "3.13-12.8";
  isSecond = file: !isFirst file && match "3\\.13-.*" file != null;
  isOther = file: !isFirst file && !isSecond file;
  cells =
    concatMap
      (
        file:
        map (
          torch:
          axle.cells.${file}
          // {
            inherit torch;
            cell = axle.cells.${file}.torch.${torch};
          }
        ) axle.cells.${file}.order
      )
      (
        filter (file: axle.cells.${file}.cuda != "cpu") (
          filter isFirst files ++ filter isSecond files ++ filter isOther files
        )
      );

  hasWheel = name: { cell, ... }: cell.packages ? ${name} && cell.packages.${name}.wheel != null;
  placesOf = name: filter (hasWheel name) cells;

  testOf =
    name:
    let
      place = head (placesOf name);
    in
    (axle.concretise {
      inherit (place) python cuda torch;
      packages = [ name ];
      computeCapabilities = axle.internal.cells.coveredOf place.cell [
        name
        "torch"
      ];
    }).packages.${name}.tests.gpu;

  inherit (import ../overlays/gpu-tests { inherit pkgs; }) names;
in
lib.genAttrs (filter (name: placesOf name != [ ]) names) testOf
