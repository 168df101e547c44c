/**
  The build layer for sources: compiles an sdist and unpacks the resulting wheel to `$out/wheel`, as build.nix does with a
  published one.

  It depends on the sdist, the toolkit, the compiler, the interpreter, the architectures, and the builds that are imported
  or linked meanwhile, but on no run-time requirement, no cell and no concretisation. A build that imports torch finds it
  in a plain directory of links to builds, made during the build.
*/
{
  pkgs,
  lib,
  build,
  cuda,
  buildCheck,
  licences,
  grammar,
}:
let
  inherit (builtins)
    attrNames
    concatStringsSep
    listToAttrs
    map
    mapAttrs
    match
    readFile
    replaceStrings
    ;
  inherit (lib) escapeShellArg escapeShellArgs;

  mebibyte = 1024 * 1024;

  variableName = grammar.demand "name of an environment variable";
  programName = grammar.demand "name of a program";

  anything = {
    min = null;
    max = null;
  };

  # Runs the build: each puts a wheel into dist, or the unpacked wheel into its final place.
  builders = {
    setuptools = ''
      python -c 'import setuptools.build_meta as backend; backend.__legacy__.build_wheel("dist")'
    '';
    scikit-build-core = ''
      python -c 'import scikit_build_core.build as backend; backend.build_wheel("dist")'
    '';
    cmake = ''
      cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=$out/wheel \
        -DPython_EXECUTABLE="$(type -P python)" -DCMAKE_PREFIX_PATH="$site/torch"
      cmake --build build --parallel "$MAX_JOBS"
      cmake --install build
      mkdir -p "$out/wheel/$axleName-$axleVersion.dist-info"
      printf 'Metadata-Version: 2.1\nName: %s\nVersion: %s\n' "$axleName" "$axleVersion" \
        > "$out/wheel/$axleName-$axleVersion.dist-info/METADATA"
    '';
  };

  # Replaces a text in a file. Unlike a patch, it applies to every version that has the text.
  replace = ''
    import pathlib, sys

    package, name, old, new = sys.argv[1:]
    file = pathlib.Path(name)
    text = file.read_text()
    if old not in text:
        sys.exit(f"axle: {name} of this sdist does not have `{old}`: change [[source.replace]] in catalogue/packages/{package}.toml")
    file.write_text(text.replace(old, new))
  '';

  spelled = {
    dotted = capability: capability;
    digits = replaceStrings [ "." ] [ "" ];
  };

  # Sets up the toolkit with axle's nvcc.sh in place of its nvcc, and checks whether the build can work.
  withToolkit = toolkit: capabilities: numbers: isUnsupported: ''
    export CUDA_HOME=$root/cuda
    mkdir -p $CUDA_HOME/bin
    for entry in ${toolkit}/*; do
      if [ "''${entry##*/}" != bin ]; then ln -s "$entry" $CUDA_HOME/; fi
    done
    ln -s ${toolkit}/bin/* $CUDA_HOME/bin/
    rm $CUDA_HOME/bin/nvcc
    {
      printf '#!%s\n' "$(type -P bash)"
      printf '%s=%q\n' axleNvcc ${toolkit}/bin/nvcc axleArchitectures ${escapeShellArg (concatStringsSep " " numbers)} \
        axleHostCompiler "$(type -P "$CXX")" axleFlags ${
          escapeShellArg (if isUnsupported then "-allow-unsupported-compiler" else "")
        }
      cat ${pkgs.writeText "axle-nvcc.sh" (readFile ../builders/nvcc.sh)}
    } > $CUDA_HOME/bin/nvcc
    chmod +x $CUDA_HOME/bin/nvcc
    # Fallback for build systems without an option for the architectures; nvcc.sh overrides it in any case.
    export TORCH_CUDA_ARCH_LIST=${escapeShellArg (concatStringsSep ";" capabilities)}
    export CUDAARCHS=${escapeShellArg (concatStringsSep ";" (map (number: "${number}-real") numbers))}
    export PATH=$CUDA_HOME/bin:$PATH CUDA_PATH=$CUDA_HOME CUDACXX=$CUDA_HOME/bin/nvcc
    export CUDAHOSTCXX=$(type -P "$CXX")
    axleBuildCheckPhase
  '';
in
{
  /**
    The build of a package from source.

    # Inputs

    `description`
    : The sdist's entry in the catalogue's builds.

    `source`
    : The derivation of the sdist.

    `links`
    : The packages that are imported or linked: a list of `name`, `build`, and for wheels `scripts`.

    `interpreter`
    : The Python interpreter.

    `compiler`
    : The compiler, as `arguments.compilerOf` returns it.

    `capabilities`
    : The compute capabilities, sorted; empty without CUDA.

    `variant`
    : The part of its name that identifies torch and CUDA.

    `isUnsupported`
    : Whether nvcc must be told to accept an unsupported compiler.

    `allow`
    : Rules to report as warnings.
  */
  compile =
    {
      name,
      version,
      description,
      source,
      links,
      interpreter,
      compiler,
      cudaRelease,
      capabilities,
      toolkit,
      variant,
      isUnsupported,
      allow,
    }:
    let
      inherit (compiler) stdenv;
      withCuda = cudaRelease != null;
      usedToolkit = cuda.toolkitOf {
        cuda = cudaRelease;
        inherit (description) components;
        inherit toolkit allow;
        linked = listToAttrs (
          map (link: {
            inherit (link) name;
            value = link.build;
          }) links
        );
      };
      memory = description.memory_per_job or null;
      hook = buildCheck.hook {
        cuda = cudaRelease;
        memoryPerJob = if memory == null then 0 else (memory + mebibyte - 1) / mebibyte;
        # Evaluation has already refused unsupported compilers, so the table is not an input of the build.
        ranges = {
          gcc = anything;
          clang = anything;
          libstdcxx_max = null;
          glibc_headers_below = null;
        };
        allow = builtins.filter (rule: rule == "AX218" || rule == "AX220") allow;
      };
      numbers = map spelled.digits capabilities;
      architectures =
        let
          inherit (description.architectures) variable spelling separator;
        in
        if description.architectures or null == null then
          { }
        else
          { ${variable} = concatStringsSep separator (map spelled.${spelling} capabilities); };
      environment = description.environment // architectures;

      # Soname to directory, for everything that is linked.
      providers = lib.foldl' (
        all: link: mapAttrs (_: folder: "${link.build}/wheel/${folder}") link.build.libraries // all
      ) { } links;

      onlyCompiling =
        builtins.filter (input: input ? outPath) [
          stdenv.cc
          (stdenv.cc.cc or { })
          (stdenv.cc.libc_dev or { })
          interpreter
        ]
        ++ lib.optionals withCuda ([ usedToolkit ] ++ usedToolkit.components or [ ]);

      script =
        target:
        let
          parts = match "([A-Za-z0-9_.]+) *: *([A-Za-z0-9_.]+)( .*)?" target;
        in
        if parts == null then
          throw "axle: a console script names ${builtins.toJSON target}, which does not have the form module:attribute"
        else
          "import sys; from ${builtins.elemAt parts 0} import ${builtins.elemAt parts 1} as main; sys.exit(main())";
      console = concatStringsSep "\n" (
        builtins.concatMap (
          link:
          map (script': ''
            printf '%s\n' '#!${stdenv.shell}' ${escapeShellArg ''exec python -c ${escapeShellArg (script link.scripts.${script'})} "$@"''} > $tools/${programName script'}
            chmod +x $tools/${programName script'}
          '') (attrNames link.scripts)
        ) links
      );
    in
    stdenv.mkDerivation {
      pname = "${name}-source";
      inherit version;
      name = "${name}-${version}-${variant}${
        if numbers == [ ] then "" else "-sm${concatStringsSep "-" numbers}"
      }";
      strictDeps = true;
      nativeBuildInputs = [
        interpreter
        pkgs.unzip
        pkgs.patchelf
      ]
      ++ lib.optional withCuda hook;
      passAsFile = [ "buildCommand" ];
      buildCommand = ''
        axleName=${
          escapeShellArg (replaceStrings [ "-" ] [ "_" ] name)
        } axleVersion=${escapeShellArg version}
        root=$PWD
        export HOME=$root SOURCE_DATE_EPOCH=''${SOURCE_DATE_EPOCH:-315532800}
        export CC=''${CC:-cc} CXX=''${CXX:-c++}

        # The directory of links: the modules that are imported, and their programs.
        site=$root/site tools=$root/tools
        mkdir $site $tools
        for build in ${concatStringsSep " " (map (link: "${link.build}") links)}; do
          for folder in $build/wheel $build/wheel/*.data/purelib $build/wheel/*.data/platlib; do
            if [ -d "$folder" ]; then cp -rsf --no-preserve=mode "$folder/." $site/; fi
          done
          for program in $build/wheel/*.data/scripts/*; do
            if [ -x "$program" ]; then ln -sf "$program" $tools/; fi
          done
        done
        rm -rf $site/*.data
        ln -sf ${interpreter.interpreter} $tools/python
        ln -sf ${interpreter.interpreter} $tools/python3
        ${console}
        export PATH=$tools:$PATH PYTHONPATH=$site PYTHONNOUSERSITE=1 PYTHONDONTWRITEBYTECODE=1

        ${if withCuda then withToolkit usedToolkit capabilities numbers isUnsupported else ""}
        export MAX_JOBS=''${MAX_JOBS:-''${NIX_BUILD_CORES:-1}}
        if [ "$MAX_JOBS" = 0 ]; then MAX_JOBS=$(nproc); fi
        export CMAKE_BUILD_PARALLEL_LEVEL=$MAX_JOBS
        ${
          if description.jobs or null == null then "" else "export ${variableName description.jobs}=$MAX_JOBS"
        }
        ${concatStringsSep "\n" (
          map (variable: "export ${variableName variable}=${escapeShellArg environment.${variable}}") (
            attrNames environment
          )
        )}

        python -c 'import shutil, sys; shutil.unpack_archive(sys.argv[1], "sources")' ${source}
        cd sources/*/
        ${concatStringsSep "\n" (
          map (
            one:
            "python -c ${escapeShellArg replace} ${
              escapeShellArgs [
                name
                one.file
                one.old
                one.new
              ]
            }"
          ) (description.replace or [ ])
        )}
        mkdir -p $out
        ${builders.${description.build_system}}
        if [ -d dist ]; then
          mkdir $out/wheel
          unzip -q dist/*.whl -d $out/wheel
        fi
        cd $out/wheel
        chmod -R a=rX,u+w .
        # Debug information refers to headers of build-time inputs, which are not needed at run time.
        for path in ${concatStringsSep " " (map (input: "${input}") onlyCompiling)}; do
          hash=''${path##*/}
          hash=''${hash%%-*}
          find . -type f -exec sed -i "s/$hash/''${hash//?/e}/g" {} +
        done
        ${build.patchByNeed {
          inherit providers;
          cuda = builtins.concatMap (
            link: if build.isCudaPackage link.name then attrNames link.build.libraries else [ ]
          ) links;
          every = false;
          advice = "which none of the packages that ${name} links provides: name the provider under `links` in catalogue/packages/${name}.toml";
        }}
        ${build.patchPython name}
      '';
      meta = licences.meta name;
      passthru = {
        inherit source capabilities;
        libraries = { };
        toolkit = if withCuda then usedToolkit else null;
        isCompiled = true;
      };
    };
}
