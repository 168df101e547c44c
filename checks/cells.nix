/**
  What is checked of the catalogue's cells, piece by piece: `index`, `audit`, `validate`, `concretise`, `environment`.
  Each piece is a function of one cell (a cell file and a torch of it) to a text, which fails to evaluate when
  something is wrong, with a sentence that says what.
*/
{
  pkgs,
  axle ? pkgs.axle,
}:
let
  inherit (builtins)
    attrNames
    concatMap
    concatStringsSep
    filter
    foldl'
    head
    listToAttrs
    map
    seq
    tryEval
    unsafeDiscardStringContext
    ;
  inherit (pkgs) lib;
  inherit (axle.internal)
    arguments
    catalogue
    toolkits
    cells
    ;

  names = import ./names.nix;

  check = name: condition: if condition then "" else throw "axle: ${name}";

  requestOf = file: torch: {
    inherit torch;
    inherit (file) python;
    cuda = if file.cuda == "cpu" then null else file.cuda;
    computeCapabilities =
      if file.cuda == "cpu" then [ ] else cells.coveredOf file.torch.${torch} [ "torch" ];
  };

  # All of a cell that can be had for the capabilities of its torch, and without a compiler.
  servedOf =
    file: torch:
    let
      cell = file.torch.${torch};
      request = requestOf file torch;
      serves =
        name:
        cells.blockersOf {
          inherit cell;
          compilers = [ ];
          inherit (request) computeCapabilities;
          names = [ name ];
          onlyAudited = false;
          glibc = head (builtins.match "([0-9.]+).*" pkgs.glibc.version);
          compiling = "never";
        } == [ ];
    in
    filter serves (attrNames cell.packages);

  environmentOf =
    file: torch: names:
    axle.concretise (
      requestOf file torch // { packages = highLevel: map (name: highLevel.${name}) names; }
    );

  # The wheels that the toolkit is assembled from; none where NVIDIA publishes no nvcc in wheels.
  toolkitOf =
    { cuda, ... }:
    builtins.attrValues (catalogue.toolkits.${cuda} or { components = { }; }).components;

  pieces = {
    # Every wheel and every sdist has what fetches it, and so have the wheels of the toolkit.
    index =
      file: torch:
      let
        cell = file.torch.${torch};
        fetchOf =
          name:
          let
            package = cell.packages.${name};
            entry =
              kind: part:
              catalogue.buildOf kind {
                inherit name;
                inherit (part) filename sha256;
                inherit (package) version;
              };
            complete =
              kind: part:
              check "builds/${name}/${package.version}.json has another hash of ${part.filename} than the cell" (
                (entry kind part).sha256 == part.sha256
              )
              + check "builds/${name}/${package.version}.json does not say how ${part.filename} is fetched" (
                builtins.length (attrNames (entry kind part).fetch) == 1
              );
          in
          (if package.wheel == null then "" else complete "wheels" package.wheel)
          + (if package.source or null == null then "" else complete "sources" package.source);
        fetchOfComponent =
          {
            package,
            version,
            filename,
          }:
          check "builds/${package}/${version}.json does not say how ${filename} is fetched" (
            builtins.length (
              attrNames
                (catalogue.wheel {
                  name = package;
                  inherit version filename;
                }).fetch
            ) == 1
          );
      in
      concatStringsSep "" (
        map fetchOf (attrNames cell.packages) ++ map fetchOfComponent (toolkitOf file)
      );

    # Every wheel is known well enough to be patched: all that it needs is provided.
    audit =
      file: torch:
      let
        cell = file.torch.${torch};
        inherit (environmentOf file torch [ "torch" ]) builds;
        judged =
          name:
          let
            inherit (cell.packages.${name}) wheel;
          in
          if wheel == null then
            ""
          else
            check "the wheel of ${name} covers no compute capability, so no request can have it" (
              wheel.covers != [ ] || file.cuda == "cpu"
            )
            + unsafeDiscardStringContext builds.${name}.drvPath;
      in
      concatStringsSep "\n" (map judged (attrNames cell.packages));

    # The compilers of the release are known, and one that is too new is refused. So are the wheels of its toolkit, where
    # NVIDIA publishes nvcc in wheels.
    validate =
      file: _:
      let
        inherit (file) cuda;
        ranges = toolkits.compilersOf cuda;
        objections =
          major:
          toolkits.objections {
            inherit cuda;
            compiler = {
              kind = "gcc";
              inherit major;
            };
          };
      in
      if cuda == "cpu" then
        ""
      else
        check "CUDA ${cuda} takes every gcc" (ranges.gcc.max != null)
        + check "CUDA ${cuda} refuses gcc ${toString ranges.gcc.max}, its newest" (
          objections ranges.gcc.max == [ ]
        )
        + check "CUDA ${cuda} takes gcc ${toString (ranges.gcc.max + 1)}" (
          objections (ranges.gcc.max + 1) != [ ]
        )
        + check "the wheels of the toolkit of CUDA ${cuda} are not known" (
          builtins.compareVersions cuda "13" < 0 || catalogue.toolkits ? ${cuda}
        );

    # The request for torch is answered with this cell, whatever the order of the capabilities; what no GPU has is
    # refused.
    concretise =
      file: torch:
      let
        env = environmentOf file torch [ "torch" ];
        request = requestOf file torch;
        reversed = axle.concretise (
          request
          // {
            packages = highLevel: [ highLevel.torch ];
            computeCapabilities = foldl' (all: one: [ one ] ++ all) [ ] request.computeCapabilities;
          }
        );
        wrong = tryEval (
          seq
            (axle.concretise (
              request
              // {
                packages = highLevel: [ highLevel.torch ];
                computeCapabilities = [ "1.0" ];
              }
            )).id
            true
        );
      in
      check "torch ${env.plan.torch} was chosen where ${torch} was asked for" (env.plan.torch == torch)
      + check "the order of the compute capabilities changes the plan" (reversed.id == env.id)
      + check "compute capability 1.0 is not refused" (!wrong.success)
      + env.id;

    # Everything that can be had together evaluates to one environment.
    environment =
      file: torch:
      unsafeDiscardStringContext (environmentOf file torch (servedOf file torch)).python.drvPath;
  };

  # Text that could be evaluated; it refers to nothing that it names.
  evaluated = name: text: pkgs.writeText name (unsafeDiscardStringContext text);

  # nixpkgs drops a Python while torch still has wheels for it.
  files = filter (file: file.order != [ ] && arguments.hasPython file.python) (
    map (name: axle.cells.${name}) (attrNames axle.cells)
  );
in
# The newest torch of each (Python, CUDA).
listToAttrs (
  concatMap (
    piece:
    map (file: rec {
      name = "${piece}-${names.file file}";
      value = evaluated name (pieces.${piece} file (head file.order));
    }) files
  ) (attrNames pieces)
)
# All cells of a piece.
// lib.genAttrs (attrNames pieces) (
  piece:
  evaluated piece (
    concatStringsSep "\n" (concatMap (file: map (torch: pieces.${piece} file torch) file.order) files)
  )
)
