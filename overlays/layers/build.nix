/**
  The build layer for wheels: unpacks a wheel to `$out/wheel` and sets the search path (RPATH or RUNPATH) of every ELF
  member to the libraries that it needs. compile.nix is the build layer for sources.

  It depends on the wheel, the builds that provide its sonames, and the package set's C and C++ run time, but on no
  Python, no requirement and no cell. So a wheel is built once for all its users.
*/
{ pkgs }:
let
  inherit (builtins)
    any
    attrNames
    attrValues
    concatStringsSep
    filter
    fromTOML
    genList
    isString
    length
    map
    mapAttrs
    match
    readFile
    split
    ;
  inherit (pkgs.lib)
    escapeShellArg
    escapeShellArgs
    filterAttrs
    optionalAttrs
    unique
    ;

  components = path: filter (part: isString part && part != "" && part != ".") (split "/" path);

  /**
    The relative path from one directory to another, both relative to the same root.

    # Examples

    ```nix
    relativeTo "nvidia/cudnn/lib" "nvidia/cublas/lib"
    => "../../cublas/lib"
    ```
  */
  relativeTo =
    from: to:
    let
      go =
        here: there:
        if here != [ ] && there != [ ] && builtins.head here == builtins.head there then
          go (builtins.tail here) (builtins.tail there)
        else
          genList (_: "..") (length here) ++ there;
    in
    concatStringsSep "/" (go (components from) (components to));

  # The libraries of the package set that wheels may use. Few need libnuma, and not every package set has it.
  runtimes = {
    libc = pkgs.glibc;
    libstdcxx = pkgs.stdenv.cc.cc.lib;
    inherit (pkgs) zlib;
  }
  // optionalAttrs (pkgs ? numactl) { inherit (pkgs) numactl; };

  driver = "${pkgs.addDriverRunpath.driverLink}/lib";

  # The driver's library names without their versions: code opens them with and without one.
  driverLibraries =
    map (soname: "${builtins.head (split "\\.so" soname)}.so")
      (fromTOML (readFile ../../catalogue/matrix.toml)).runtime.driver;

  # NVIDIA's libraries call the driver, or are called by one that does.
  isCudaPackage = name: match "nvidia-.*" name != null;

  /**
    Shell code that sets the search path of every ELF member below the working directory to the libraries that it needs,
    and fails the build if nothing provides one of them.

    # Inputs

    `providers`
    : Soname to directory.

    `cuda`
    : The sonames that belong to CUDA libraries; `null` if the members are such libraries themselves.

    `every`
    : Whether every member gets all of these directories, or only those that it needs.

    `advice`
    : The rest of the message about a soname that nothing provides.
  */
  patchByNeed =
    {
      providers,
      cuda,
      every,
      advice,
    }:
    ''
      declare -A axleProviders=(${
        concatStringsSep " " (
          map (soname: "[${escapeShellArg soname}]=${escapeShellArg providers.${soname}}") (
            attrNames providers
          )
        )
      })
      axleRuntimes=${
        escapeShellArg (concatStringsSep " " (map (runtime: "${runtime}/lib") (attrValues runtimes)))
      }
      axleDriver=${driver}
      axleDriverLibraries=${escapeShellArg (concatStringsSep " " driverLibraries)}
      axleDriverMarks=${
        escapeShellArg (
          if cuda == null then
            ""
          else
            concatStringsSep "\n" (
              [
                # The sections of device code.
                ".nv_fatbin"
                "__nv_relfatbin"
              ]
              ++ driverLibraries
              ++ cuda
            )
        )
      }
      axleLoader=${pkgs.stdenv.cc.bintools.dynamicLinker}
      axleEvery=${if every then "yes" else ""}
      axleAdvice=${escapeShellArg advice}
      ${readFile ../builders/search-path.sh}
      axlePatchMembers
    '';

  /**
    Shell code that makes the Python code below the working directory find the driver's libraries. It runs after the code
    that patches the ELF members there, which sets whether one of them opens the driver (`axleOpensDriver`).

    # Type

    ```
    patchPython :: String -> String
    ```
  */
  patchPython = name: ''
    axleName=${escapeShellArg name}
    axleDriver=${driver}
    axleDriverLibraries=${escapeShellArg (concatStringsSep " " driverLibraries)}
    axleDriverModule=${../builders/driver.py}
    source ${../builders/python-driver.sh}
    axlePatchPython
  '';

  build =
    {
      name,
      version,
      wheel,
      source,
      providers,
      meta,
    }:
    let
      what = "${name} ${version}";
      isDeclared = wheel.declared or null != null;
      opensDriver = any (member: any (entry: entry ? driver) member.search) wheel.members;

      # Libraries that are opened at run time only, or for other targets only, are searched if the cell has a provider.
      isHere =
        entry:
        !(entry.optional or false)
        || (providers ? ${entry.package} && providers.${entry.package}.libraries ? ${entry.soname});

      # One entry of a member's search path, in the loader's syntax.
      folderOf =
        member: entry:
        if entry ? own then
          let
            way = relativeTo (dirOf member.path) entry.own;
          in
          if way == "" then "$ORIGIN" else "$ORIGIN/${way}"
        else if entry ? package then
          let
            provider =
              providers.${entry.package}
                or (throw "axle: ${member.path} of ${what} needs ${entry.soname} of ${entry.package}, which is not in its cell: generate the catalogue with `cargo xtask update`");
          in
          "${provider}/wheel/${
            provider.libraries.${entry.soname}
              or (throw "axle: ${member.path} of ${what} needs ${entry.soname}, which ${entry.package} ${provider.version} does not have: choose another torch, or run `axle audit` on both wheels")
          }"
        else if entry ? runtime then
          "${
            runtimes.${entry.runtime}
              or (throw "axle: ${member.path} of ${what} needs ${entry.runtime} of the package set, which has only ${concatStringsSep ", " (attrNames runtimes)}: add ${entry.runtime} with an overlay")
          }/lib"
        else if entry ? driver then
          driver
        else
          throw "axle: ${member.path} of ${what} has a search entry that this overlay does not know: use the overlay and the catalogue of one release";

      patch =
        member:
        let
          search = unique (map (folderOf member) (filter isHere member.search));
          interpreter =
            if member.interpreter then
              [
                "--set-interpreter"
                pkgs.stdenv.cc.bintools.dynamicLinker
              ]
            else
              [ ];
          path =
            if search == [ ] then
              [ "--remove-rpath" ]
            else
              (if member.rpath then [ "--force-rpath" ] else [ ])
              ++ [
                "--set-rpath"
                (concatStringsSep ":" search)
              ];
        in
        "patchelf ${escapeShellArgs (interpreter ++ path)} ${escapeShellArg member.path}";

      # For a wheel that was never read, only the declared needs are known.
      patchDeclared = patchByNeed {
        every = true;
        cuda =
          if isCudaPackage name then
            null
          else
            attrNames (filterAttrs (_: entry: entry ? package && isCudaPackage entry.package) wheel.declared);
        providers = mapAttrs (
          soname: entry:
          folderOf {
            inherit soname;
            path = "its members";
          } entry
        ) (filterAttrs (_: entry: !(entry ? own)) wheel.declared);
        advice = "which is not declared for ${what}: add it to `needed` of a `declared` in catalogue/packages/${name}.toml, or audit the wheel";
      };

      refused = map (missing: "${missing.soname} (in ${missing.member})") wheel.unprovided;
    in
    if refused != [ ] then
      throw "axle: ${what} needs ${concatStringsSep ", " refused}, which nothing provides: name a provider in catalogue/packages/${name}.toml"
    else
      pkgs.stdenvNoCC.mkDerivation {
        pname = "${name}-wheel";
        inherit version;
        strictDeps = true;
        nativeBuildInputs = [
          pkgs.unzip
          pkgs.patchelf
        ];
        passAsFile = [ "buildCommand" ];
        buildCommand = ''
          mkdir -p $out/wheel
          unzip -q ${source} -d $out/wheel
          cd $out/wheel
          # What the archive says may be run stays so; all else that it says about modes is left out.
          chmod -R a=rX,u+w .
          ${
            if isDeclared then
              patchDeclared
            else
              ''
                ${concatStringsSep "\n" (map patch wheel.members)}
                axleOpensDriver=${if opensDriver then "yes" else ""}
              ''
          }
          ${patchPython name}
        '';
        meta = meta // {
          sourceProvenance = [
            {
              shortName = "binaryNativeCode";
              isSource = false;
            }
          ];
        };
        passthru = {
          inherit source;
          inherit (wheel) libraries;
        };
      };
in
{
  inherit
    build
    driver
    driverLibraries
    isCudaPackage
    patchByNeed
    patchPython
    relativeTo
    ;
}
