/**
  GPU tests of packages. Each is a Python file, which `run.py` runs in an environment with the package. It is built as
  `<package>.tests.gpu` on a machine that has the system feature `cuda`, like nixpkgs' own GPU tests.
*/
{ pkgs }:
let
  inherit (builtins)
    attrNames
    concatMap
    elem
    filter
    map
    match
    readDir
    ;

  # Packages that another package's test covers.
  others = {
    cuda-python = "cuda-bindings";
    cupy-cuda12x = "cupy";
    cupy-cuda13x = "cupy";
    jax-cuda12-plugin = "jax";
    jax-cuda13-plugin = "jax";
  };

  fileOf = name: ./. + "/${others.${name} or name}.py";
  stemOf =
    file:
    let
      stem = match "(.+)\\.py" file;
    in
    if stem == null then [ ] else stem;
in
rec {
  /**
    Packages that a test uses, if the concretisation has them, but that the package does not require.
  */
  beside = {
    flash-linear-attention = [ "torch" ];
    jax = [
      "jax-cuda12-plugin"
      "jax-cuda13-plugin"
    ];
    jax-cuda12-plugin = [ "jax" ];
    jax-cuda13-plugin = [ "jax" ];
    sgl-kernel = [ "torch" ];
    triton = [ "torch" ];
  };

  /**
    The packages that have a test.
  */
  names =
    filter (
      name:
      !elem name [
        "run"
        "cupy"
      ]
    ) (concatMap stemOf (attrNames (readDir ./.)))
    ++ attrNames others;

  /**
    The test of a package.

    # Inputs

    `name`
    : The package.

    `packages`
    : The packages of its concretisation, by name.

    `pythonWith`
    : A function from a list of these packages to an interpreter that has them.

    # Output

    A derivation that needs a GPU to build. Its `program` is the test itself, for `nix run`. Its `dryRun` imports the
    package and computes nothing, so it builds anywhere.
  */
  testOf =
    {
      name,
      packages,
      pythonWith,
    }:
    let
      python = pythonWith (
        map (other: packages.${other}) (
          [ name ] ++ filter (other: packages ? ${other}) beside.${name} or [ ]
        )
      );
      derivation =
        suffix: attributes: buildCommand:
        pkgs.stdenvNoCC.mkDerivation (
          {
            name = "axle-gpu-test-${name}${suffix}";
            strictDeps = true;
            passAsFile = [ "buildCommand" ];
            __structuredAttrs = false;
            inherit buildCommand;
          }
          // attributes
        );
      program = derivation "-program" { meta.mainProgram = "gpu-test-${name}"; } ''
        mkdir -p $out/bin
        printf '%s\n' '#!${pkgs.stdenv.shell}' \
          'exec ${python.interpreter} -I ${./run.py} ${name} ${fileOf name} ${pkgs.addDriverRunpath.driverLink}/lib "$@"' > $out/bin/gpu-test-${name}
        chmod +x $out/bin/gpu-test-${name}
      '';
      run = options: ''
        # Code compiled at run time is cached below it.
        export HOME=$TMPDIR
        set -o pipefail
        ${program}/bin/gpu-test-${name} ${options} | tee $out
      '';
    in
    derivation "" {
      requiredSystemFeatures = [ "cuda" ];
      passthru = {
        inherit program;
        dryRun = derivation "-dry-run" { } (run "--dry-run");
      };
    } (run "");
}
