/**
  Reads the generated JSON of a catalogue for one system; each file once, and only when something in it is needed.
*/
{ catalogue, system }:
let
  inherit (builtins)
    attrNames
    concatStringsSep
    elemAt
    filter
    fromJSON
    head
    listToAttrs
    map
    mapAttrs
    match
    pathExists
    readDir
    readFile
    ;

  # The names of a folder's JSON files, without the extension; none when there is no such folder.
  documents =
    folder:
    map (file: head (match "(.*)\\.json" file)) (
      filter (file: match ".*\\.json" file != null) (if pathExists folder then attrNames (readDir folder) else [ ])
    );

  # What cells have in common stands in a file once, and a cell says which of it by number.
  unpooled =
    file:
    let
      take = pool: mapAttrs (name: number: elemAt pool.${name} number);
    in
    file
    // {
      torch = mapAttrs (
        _: cell:
        cell
        // {
          packages = take file.packages cell.packages;
          externals = take file.externals cell.externals;
          absent = take file.absences cell.absent;
        }
      ) file.torch;
    };

  list = names: if names == [ ] then "none" else concatStringsSep ", " names;
in
rec {
  /**
    The cell files of the system by name (`3.11-12.8`, `3.12-cpu`); none when the catalogue knows nothing of it.
  */
  cells =
    let
      folder = catalogue + "/cells/${system}";
    in
    listToAttrs (
      map (name: {
        inherit name;
        value = unpooled (fromJSON (readFile (folder + "/${name}.json")));
      }) (documents folder)
    );

  /**
    The cell file of one target, or a refusal that says which there are.
  */
  cellFile =
    {
      python,
      cuda,
    }:
    let
      name = "${python}-${if cuda == null then "cpu" else cuda}";
    in
    cells.${name} or (throw "axle: the catalogue has no cells for ${system} with Python ${python} and ${
      if cuda == null then "no CUDA" else "CUDA ${cuda}"
    }; for ${system} it has (Python-CUDA): ${list (attrNames cells)}");

  /**
    How one wheel of a package version is fetched and patched.
  */
  wheel =
    {
      name,
      version,
      filename,
    }:
    let
      file = catalogue + "/builds/${name}/${version}.json";
      document = fromJSON (readFile file);
    in
    if !pathExists file then
      throw "axle: the catalogue has no builds/${name}/${version}.json, which a cell names: generate it with `cargo xtask update`"
    else
      document.wheels.${filename}
        or (throw "axle: builds/${name}/${version}.json lacks ${filename}, which a cell names: generate it with `cargo xtask update`");
}
