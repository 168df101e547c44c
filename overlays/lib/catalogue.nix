/**
  Reads the generated JSON of a catalogue for one system: each file at most once, and lazily.

  A catalogue is a directory, or one document with the same contents under the same names, such as a lock file.
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
    isAttrs
    listToAttrs
    map
    mapAttrs
    match
    pathExists
    readDir
    readFile
    ;

  # The JSON files of a directory by name, without the extension; none if the directory does not exist.
  documents =
    folder:
    listToAttrs (
      map
        (file: {
          name = head (match "(.*)\\.json" file);
          value = fromJSON (readFile (folder + "/${file}"));
        })
        (
          filter (file: match ".*\\.json" file != null) (
            if pathExists folder then attrNames (readDir folder) else [ ]
          )
        )
    );

  inFolder = {
    cells = documents (catalogue + "/cells/${system}");
    build =
      name: version:
      let
        file = catalogue + "/builds/${name}/${version}.json";
      in
      if pathExists file then fromJSON (readFile file) else null;
    file =
      name:
      let
        file = catalogue + "/${name}.json";
      in
      if pathExists file then fromJSON (readFile file) else null;
  };
  inDocument = {
    cells = catalogue.cells.${system} or { };
    build = name: version: catalogue.builds.${name}.${version} or null;
    file = name: catalogue.${name} or null;
  };
  read = if isAttrs catalogue then inDocument else inFolder;

  schema = "axle.cells/4";

  # What the cells of a file have in common is stored once in the file; a cell refers to it by index.
  unpooled =
    name: file:
    let
      take = pool: mapAttrs (name: number: elemAt pool.${name} number);
      # So is a package's build environment.
      withFrozen =
        package:
        if package.source.frozen or { } == { } then
          package
        else
          package
          // {
            source = package.source // {
              frozen = take file.frozen package.source.frozen;
            };
          };
    in
    if file.schema or null != schema then
      throw "axle: the cells of ${name} have schema ${file.schema or "none"}, and this overlay reads ${schema}: use the overlay and the catalogue of one release"
    else
      file
      // {
        torch = mapAttrs (
          _: cell:
          cell
          // {
            packages = mapAttrs (_: withFrozen) (take file.packages cell.packages);
            absent = take file.absences cell.absent;
            extras = take file.extras (cell.extras or { });
          }
        ) file.torch;
      };

  list = names: if names == [ ] then "none" else concatStringsSep ", " names;
in
rec {
  /**
    The cell files of the system by name (`3.11-12.8`, `3.12-cpu`); none if the catalogue does not have the system.
  */
  cells = mapAttrs unpooled read.cells;

  /**
    The document `<name>.json` of the catalogue, or null.
  */
  inherit (read) file;

  /**
    The cell file of one target, or an error that lists the existing ones.
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
    How to fetch and patch one wheel of a package version.
  */
  wheel = buildOf "wheels";

  /**
    How to fetch and compile one sdist of a package version.
  */
  sdist = buildOf "sources";

  buildOf =
    kind:
    {
      name,
      version,
      filename,
      sha256 ? "",
    }:
    let
      document = read.build name version;
      # The key of a wheel that shares its file name with another one.
      byHash = "${filename}#${builtins.substring 0 12 sha256}";
    in
    if document == null then
      throw "axle: the catalogue has no builds/${name}/${version}.json, which a cell names: generate it with `cargo xtask update`"
    else
      document.${kind}.${byHash} or document.${kind}.${filename}
        or (throw "axle: builds/${name}/${version}.json lacks ${filename}, which a cell names: generate it with `cargo xtask update`");

  /**
    The releases whose toolkit is assembled from wheels, in the form that `components` returns.
  */
  toolkits = (read.file "components").systems.${system} or { };

  /**
    The wheels that the toolkit of a CUDA release is assembled from: `version` of the toolkit, and `components`, each
    with `package`, `version` and `filename`.
  */
  components =
    cuda:
    toolkits.${cuda}
      or (throw "axle: the catalogue has no toolkit of CUDA ${cuda} for ${system}; it has those of ${list (attrNames toolkits)}: pass a toolkit as `toolkit`, or omit `compiler` to use wheels only");
}
