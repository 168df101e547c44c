/**
  The CUDA toolkit that a package is compiled with, or that a world compiles with at run time: one directory with
  `bin/nvcc`, `nvvm`, `include` and `lib`.

  For CUDA 13 it is assembled from NVIDIA's wheels of that release, so it also works for a release that the package set
  does not have yet. NVIDIA publishes no nvcc 12 as a wheel; for CUDA 12 it comes from the package set's
  `cudaPackages_12_x`. Users can pass a toolkit of their own instead.
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
    attrValues
    concatMap
    concatStringsSep
    filter
    fromJSON
    head
    listToAttrs
    map
    match
    replaceStrings
    splitVersion
    ;
  inherit (lib) unique;

  # What every compile needs: nvcc, the programs that it runs, the run time and the headers that its own headers include.
  core = [
    "nvcc"
    "crt"
    "nvvm"
    "cudart"
    "cccl"
  ];

  # The attributes of nixpkgs' `cudaPackages_12_x`, for components that have another name there.
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

  # What PyTorch extensions include in addition: its own headers name the first three. A package set may lack some.
  libraries = [
    "cublas"
    "cusolver"
    "cusparse"
    "cufft"
    "cupti"
    "curand"
    "nvjitlink"
    "nvml"
    "nvrtc"
    "nvtx"
    "profiler"
  ];

  isOfPackageSet =
    cuda:
    let
      major = head (splitVersion cuda);
    in
    major == "12" || major == "11";

  # In CUDA 12 these two are part of nvcc.
  isInNvcc = component: component == "crt" || component == "nvvm";

  # nixpkgs' own nvcc may already name a compiler.
  nameCompiler = compiler: ''
    if ! grep -q '^ *compiler-bindir' $out/bin/nvcc.profile; then
      chmod u+w $out/bin/nvcc.profile
      printf '\ncompiler-bindir = %s\n' ${compiler}/bin >> $out/bin/nvcc.profile
    fi
  '';

  # The driver's library is on the machine with the GPU. Linking needs only its symbols, and the wheels have no stub.
  makeDriverStub = ''
    mkdir -p $out/lib/stubs
    echo '#include <cuda.h>' | ${pkgs.stdenv.cc}/bin/cc -E -P -x c -I $out/include - |
      grep -oE 'CUresult +cu[A-Z][A-Za-z0-9_]*' | sort -u | while read -r _ name; do
        printf '.globl %s\n.type %s, %%function\n%s:\n' $name $name $name
      done > stub.s
    ${pkgs.stdenv.cc}/bin/cc -shared -nostdlib -Wl,-soname,libcuda.so.1 -o $out/lib/stubs/libcuda.so stub.s
  '';

  # Links every file of the directories into one. nvcc finds its parts relative to its own location, so it is copied.
  assemble =
    {
      version,
      folders,
      inputs,
      compiler ? null,
      withDriverStub ? false,
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
        ${if compiler == null then "" else nameCompiler compiler}
        ${if withDriverStub then makeDriverStub else ""}
        # Builds look in either of the two folders, and link by the name without a version.
        if ! [ -e $out/lib64 ]; then ln -s lib $out/lib64; fi
        for library in $out/lib/lib*.so.*; do
          if ! [ -e "''${library%.so.*}.so" ]; then ln -s "''${library##*/}" "''${library%.so.*}.so"; fi
        done
      '';
      meta = licences.meta "cuda-toolkit";
      passthru.components = inputs;
    };

  # Why the toolkit of a release cannot be assembled from its wheels here, or null. A package set that has the release
  # patches its headers; in the wheels they are unpatched.
  objectionToWheels =
    cuda: allow:
    let
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
    in
    if isTooNew && !builtins.elem "AX215" allow then
      "axle: AX215: the headers of glibc ${glibc} are too new for CUDA ${cuda}, whose headers are compatible with glibc below ${below} only; choose a newer CUDA, or pass a toolkit with patched headers as `toolkit`, like pkgs.${attributeOf cuda}.cudatoolkit (allow = [ \"AX215\" ] compiles anyway)"
    else
      null;

  # The build of a component's wheel. Builds that are linked anyway provide their sonames; the release's wheels the rest.
  componentBuild =
    there: linked:
    let
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
    in
    component: buildOf there.${component};

  fromWheels =
    cuda: components: linked: allow:
    let
      objection = objectionToWheels cuda allow;
      release = read.components cuda;
      there = release.components;
      lacking = filter (component: !(there ? ${component})) components;
      # Reuse builds that are linked anyway.
      builds = map (
        component:
        let
          inherit (there.${component}) package version;
        in
        if linked.${package}.version or null == version then
          linked.${package}
        else
          componentBuild there linked component
      ) components;
    in
    if objection != null then
      throw objection
    else if lacking != [ ] then
      throw "axle: the toolkit of CUDA ${cuda} has no ${concatStringsSep ", " lacking}; it has ${concatStringsSep ", " (attrNames there)}"
    else
      assemble {
        inherit (release) version;
        # Every wheel of CUDA 13 unpacks into this directory.
        folders = map (drv: "${drv}/wheel/nvidia/cu13") builds;
        inputs = builds;
      };

  # With the world's own wheels, whatever their versions: the compiled code will load those.
  fromWorld =
    cuda: linked: allow:
    let
      objection = objectionToWheels cuda allow;
      release = read.components cuda;
      there = release.components;
      # The compilers come from the release itself.
      compiling = map (component: there.${component}.package) (
        filter (component: component != "cudart") core
      );
      libraries' = removeAttrs linked compiling;
      builds =
        map (componentBuild there linked) (
          filter (component: !(libraries' ? ${there.${component}.package})) (attrNames there)
        )
        ++ attrValues libraries';
    in
    if objection != null then
      throw objection
    else
      assemble {
        inherit (release) version;
        # cuDNN, NCCL and others have directories of their own beside it.
        folders = map (drv: "${drv}/wheel/nvidia/*") builds;
        inputs = builds;
        compiler = compilerPath cuda;
        withDriverStub = true;
      };

  fromPackageSet =
    {
      cuda,
      components,
      # Components to add if the package set has them.
      more ? [ ],
      compiler ? null,
      # An alternative to suggest if the package set has no toolkit.
      instead ? "",
    }:
    let
      attribute = attributeOf cuda;
      set = pkgs.${attribute};
      # The catalogue begins with CUDA 12, and a package set warns where an older one is looked at.
      there = arguments.thereLike "cudaPackages_1[2-9]_[0-9]+";
      nameOf =
        component:
        let
          name = attributes.${component} or "lib${component}";
        in
        if set ? ${name} then
          name
        else if set ? "cuda_${name}" then
          "cuda_${name}"
        else
          name;
      wanted = filter (component: !isInNvcc component) components;
      isHere = component: set ? ${nameOf component};
      lacking = filter (component: !isHere component) wanted;
      packages = map (component: set.${nameOf component}) (wanted ++ filter isHere more);
    in
    if !arguments.isThere attribute then
      throw "axle: compiling for CUDA ${cuda} needs its toolkit, and the package set has no ${attribute}; it has ${
        if there == [ ] then "none" else concatStringsSep ", " there
      }: pass one as `toolkit`${instead}"
    else if lacking != [ ] then
      throw "axle: ${attribute} of the package set has no ${concatStringsSep ", " (map nameOf lacking)}, which compiling needs: pass a toolkit as `toolkit`"
    else
      assemble {
        version = set.cudaMajorMinorVersion or cuda;
        folders = concatMap (
          package: map (output: "${package.${output}}") (package.outputs or [ "out" ])
        ) packages;
        inputs = packages;
        inherit compiler;
      };

  /*
    The compiler that nvcc calls by default, as `arguments.compilerOf` returns it, or null. It is the package set's own, so
    that everything that an environment loads has one C++ run time. If the release does not support that one, it is the
    newest older GCC that the release supports, whose C++ library is older.
  */
  hostCompiler =
    cuda:
    let
      own = arguments.compilerOf {
        compiler = pkgs.stdenv;
        range = null;
      };
      isTaken =
        compiler:
        toolkits.objections {
          inherit cuda compiler;
        } == [ ];
      older =
        filter
          (
            major:
            major < own.major
            && isTaken {
              kind = "gcc";
              inherit major;
            }
          )
          (
            map (name: fromJSON (head (match "gcc([0-9]+)Stdenv" name))) (arguments.thereLike "gcc[0-9]+Stdenv")
          );
    in
    if isTaken own then
      own
    else if older == [ ] then
      null
    else
      arguments.compilerOf {
        compiler = "gcc${toString (head (builtins.sort (a: b: a > b) older))}";
        range = null;
      };
  compilerPath =
    cuda:
    let
      compiler = hostCompiler cuda;
    in
    if compiler == null then null else "${compiler.stdenv.cc}";
in
rec {
  inherit hostCompiler;

  /**
    The toolkit for a release.

    # Inputs

    `cuda`
    : The release.

    `components`
    : The components that a package includes besides nvcc and its headers, by NVIDIA's names (`cublas`, `cusparse`).

    `toolkit`
    : The user's own toolkit, or null.

    `linked`
    : The builds that are linked anyway, by package name.

    `allow`
    : Rules whose violation is allowed, by code.
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
      # The order of the components does not matter.
      wanted = builtins.sort (a: b: a < b) (unique (core ++ components));
    in
    if toolkit != null then
      toolkit
    else if isOfPackageSet cuda then
      fromPackageSet {
        inherit cuda;
        components = wanted;
        instead = ", or omit `compiler` to use wheels only";
      }
    else
      fromWheels cuda wanted linked allow;

  /**
    The toolkit of a world, with everything that PyTorch extensions include. Its nvcc calls a compiler that its release
    supports, by store path.

    # Inputs

    `cuda`
    : The release.

    `toolkit`
    : The user's own toolkit, which is used as it is, or null.

    `linked`
    : The builds of NVIDIA's packages that torch requires, by name.

    `allow`
    : Rules whose violation is allowed, by code.
  */
  everything =
    {
      cuda,
      toolkit,
      linked,
      allow,
    }:
    if cuda == null then
      throw "axle: an environment without CUDA has no CUDA toolkit: pass cuda = \"13.0\" or another release to `concretise`"
    else if toolkit != null then
      toolkit
    else if isOfPackageSet cuda then
      fromPackageSet {
        inherit cuda;
        components = core;
        more = libraries;
        compiler = compilerPath cuda;
      }
    else
      fromWorld cuda linked allow;

  /**
    The toolkit that a world contains by default: the user's own, or one assembled from wheels if that is possible; else
    null. An environment refers to it, so that torch can compile CUDA code at run time.
  */
  atRunTime =
    {
      cuda,
      toolkit,
      allow,
      ...
    }@world:
    let
      isAssembled =
        cuda != null
        && !isOfPackageSet cuda
        && read.toolkits ? ${cuda}
        && objectionToWheels cuda allow == null;
    in
    if cuda != null && (toolkit != null || isAssembled) then everything world else null;

  /**
    The errors in the argument `toolkit`: a list of sentences.
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
      [ "toolkit is for CUDA, and cuda is null: omit it, or set cuda to a CUDA version" ]
    else if toolkit ? version && version != cuda then
      [ "toolkit is for CUDA ${version}, and cuda is ${cuda}: pass the one for ${cuda}" ]
    else
      [ ];
}
