/**
  The CUDA toolkit that a package is compiled with: one folder with `bin/nvcc`, `nvvm`, `include` and `lib`.

  For CUDA 13 it is assembled from NVIDIA's wheels of that release, so that a release which the package set does not
  have yet works too. NVIDIA publishes no nvcc 12 in wheels: that comes from the package set's `cudaPackages_12_x`.
  Whoever has a toolkit of their own gives that.
*/
{
  pkgs,
  lib,
  versions,
  toolkits,
  arguments,
  read,
  source,
  build,
  licences,
}:
let
  inherit (builtins)
    attrNames
    concatMap
    concatStringsSep
    filter
    head
    listToAttrs
    map
    match
    replaceStrings
    splitVersion
    ;
  inherit (lib) unique;

  # What every compile needs: nvcc, what it runs, the run time and the headers that nvcc's own headers include.
  core = [
    "nvcc"
    "crt"
    "nvvm"
    "cudart"
    "cccl"
  ];

  # The attributes of nixpkgs' `cudaPackages_12_x`, for components whose name there is another one.
  attributes = {
    nvcc = "cuda_nvcc";
    cudart = "cuda_cudart";
    # cuda_cccl until 2026.
    cccl = "cccl";
    cupti = "cuda_cupti";
    nvrtc = "cuda_nvrtc";
    nvtx = "cuda_nvtx";
    nvml = "cuda_nvml_dev";
    profiler = "cuda_profiler_api";
  };
  attributeOf = cuda: "cudaPackages_${replaceStrings [ "." ] [ "_" ] cuda}";

  # In CUDA 12 these two are part of nvcc.
  isInNvcc = component: component == "crt" || component == "nvvm";

  # Links every file of the folders into one; nvcc finds its own parts from where it lies itself, so it is copied.
  assemble =
    {
      version,
      folders,
      inputs,
    }:
    pkgs.stdenvNoCC.mkDerivation {
      pname = "cuda-toolkit";
      inherit version;
      strictDeps = true;
      passAsFile = [ "buildCommand" ];
      buildCommand = ''
        mkdir $out
        for folder in ${concatStringsSep " " folders}; do
          if [ -d "$folder" ]; then cp -rsf --no-preserve=mode "$folder/." $out/; fi
        done
        for file in $out/bin/nvcc $out/bin/nvcc.profile; do
          target=$(realpath $file)
          rm $file
          cp "$target" $file
        done
        # Builds look in either of the two folders, and link by the name without a version.
        if ! [ -e $out/lib64 ]; then ln -s lib $out/lib64; fi
        for library in $out/lib/lib*.so.*; do
          if ! [ -e "''${library%.so.*}.so" ]; then ln -s "''${library##*/}" "''${library%.so.*}.so"; fi
        done
      '';
      meta = licences.meta "cuda-toolkit";
      passthru.components = inputs;
    };

  fromWheels =
    cuda: components: linked: allow:
    let
      # A package set that has the release mends its headers; in the wheels they are as NVIDIA made them.
      glibc = head (match "([0-9.]+).*" pkgs.glibc.version);
      below = (toolkits.compilersOf cuda).glibc_headers_below or null;
      isTooNew =
        below != null
        && versions.satisfies glibc [
          [
            ">="
            below
          ]
        ];
      release = read.components cuda;
      there = release.components;
      lacking = filter (component: !(there ? ${component})) components;
      # By package, all of the release; what is linked anyway is taken as it is.
      providers =
        listToAttrs (
          map (component: {
            name = there.${component}.package;
            value = buildOf there.${component};
          }) (attrNames there)
        )
        // linked;
      buildOf =
        {
          package,
          version,
          filename,
        }:
        let
          wheel = read.wheel {
            name = package;
            inherit version filename;
          };
        in
        build {
          name = package;
          inherit version wheel providers;
          source = source wheel.fetch;
          meta = licences.meta package;
        };
      builds = map (
        component:
        let
          inherit (there.${component}) package version;
        in
        if linked.${package}.version or null == version then
          linked.${package}
        else
          buildOf there.${component}
      ) components;
    in
    if isTooNew && !builtins.elem "AX215" allow then
      throw "axle: AX215: the headers of glibc ${glibc} are too new for CUDA ${cuda}, whose own fit those below ${below} only; choose a newer CUDA, or give a toolkit with mended headers as `toolkit`, like pkgs.${attributeOf cuda}.cudatoolkit (allow = [ \"AX215\" ] compiles all the same)"
    else if lacking != [ ] then
      throw "axle: the toolkit of CUDA ${cuda} has no ${concatStringsSep ", " lacking}; it has ${concatStringsSep ", " (attrNames there)}"
    else
      assemble {
        inherit (release) version;
        # Every wheel of CUDA 13 unpacks into this folder.
        folders = map (drv: "${drv}/wheel/nvidia/cu13") builds;
        inputs = builds;
      };

  fromPackageSet =
    cuda: components:
    let
      attribute = attributeOf cuda;
      set = pkgs.${attribute};
      there = arguments.thereLike "cudaPackages_[0-9]+_[0-9]+";
      nameOf =
        component:
        let
          name = attributes.${component} or "lib${component}";
        in
        if set ? ${name} then name else if set ? "cuda_${name}" then "cuda_${name}" else name;
      wanted = filter (component: !isInNvcc component) components;
      lacking = filter (component: !(set ? ${nameOf component})) wanted;
      packages = map (component: set.${nameOf component}) wanted;
    in
    if !arguments.isThere attribute then
      throw "axle: to compile for CUDA ${cuda} takes its toolkit, and the package set has no ${attribute}; it has ${
        if there == [ ] then "none" else concatStringsSep ", " there
      }: give one as `toolkit`, or use wheels only by leaving `compiler` out"
    else if lacking != [ ] then
      throw "axle: ${attribute} of the package set has no ${concatStringsSep ", " (map nameOf lacking)}, which is compiled with: give a toolkit as `toolkit`"
    else
      assemble {
        version = set.cudaMajorMinorVersion or cuda;
        folders = concatMap (
          package: map (output: "${package.${output}}") (package.outputs or [ "out" ])
        ) packages;
        inputs = packages;
      };
in
{
  /**
    The toolkit for a release.

    # Inputs

    `cuda`
    : The release.

    `components`
    : What a package includes of it besides nvcc and its own headers, by NVIDIA's names (`cublas`, `cusparse`).

    `toolkit`
    : The user's own, or null.

    `linked`
    : The builds of packages that are linked anyway, by name.

    `allow`
    : Rules that may be broken, by code.
  */
  toolkitOf =
    {
      cuda,
      components,
      toolkit,
      linked,
      allow,
    }:
    let
      # The order of the components decides nothing.
      wanted = builtins.sort (a: b: a < b) (unique (core ++ components));
      major = head (splitVersion cuda);
    in
    if toolkit != null then
      toolkit
    else if major == "12" || major == "11" then
      fromPackageSet cuda wanted
    else
      fromWheels cuda wanted linked allow;

  /**
    What is wrong with a toolkit that the user gives: a list of sentences.
  */
  complaints =
    { cuda, toolkit }:
    let
      version = lib.versions.majorMinor toolkit.version;
    in
    if toolkit == null then
      [ ]
    else if !(builtins.isAttrs toolkit && toolkit ? outPath) then
      [ "toolkit must be a package with bin/nvcc, like pkgs.cudaPackages_12_8.cudatoolkit" ]
    else if cuda == null then
      [ "toolkit is for CUDA, and cuda is null: leave it out or name a CUDA version" ]
    else if toolkit ? version && version != cuda then
      [ "toolkit is of CUDA ${version}, and cuda is ${cuda}: give the one of ${cuda}" ]
    else
      [ ];
}
