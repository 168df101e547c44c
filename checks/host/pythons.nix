/**
  Interpreters in the shape of nixpkgs' ones: `pkgs`, `withPackages`, `buildEnv`, `override`.
*/
{
  lib,
  host,
  pkgs,
}:
let
  inherit (builtins)
    concatLists
    isFunction
    filter
    replaceStrings
    ;

  interpreter = lib.makeOverridable (
    {
      version,
      packageOverrides ? (_: _: { }),
      self ? null,
    }:
    let
      base = host.python version;
      python = if self != null then self else result;
      executable = "python${version}";
      sitePackages = "lib/${executable}/site-packages";

      extensions = lib.composeManyExtensions (pkgs.pythonPackagesExtensions ++ [ packageOverrides ]);
      packages = lib.fix (lib.extends extensions packageSet);
      packageSet = final: {
        inherit python;
        inherit (pkgs) fetchPypi;

        hasPythonModule = drv: drv ? pythonModule && drv.pythonModule == python;
        requiredPythonModules =
          drvs:
          let
            modules = filter final.hasPythonModule drvs;
          in
          lib.unique ([ python ] ++ modules ++ concatLists (lib.catAttrs "requiredPythonModules" modules));
        # Reads requirements, as pip does.
        packaging = final.buildPythonPackage {
          pname = "packaging";
          version = "26.0";
          nativeBuildInputs = [ pkgs.unzip ];
          buildCommand = ''
            mkdir -p $out/${sitePackages}
            unzip -q ${
              pkgs.fetchPypi {
                pname = "packaging";
                version = "26.0";
                format = "wheel";
                python = "py3";
                dist = "py3";
                abi = "none";
                platform = "any";
                hash = "sha256-s28f75M0pViLQWb4vNJqFOUh8rVea53jqqgNP/ejdSk=";
              }
            } -d $out/${sitePackages}
          '';
        };
        # As nixpkgs' does: what is disabled is an error, and tests are no inputs where they are not run.
        buildPythonPackage =
          args:
          let
            drv = final.toPythonModule (
              pkgs.stdenvNoCC.mkDerivation (
                removeAttrs args [
                  "dependencies"
                  "disabled"
                  "doCheck"
                  "nativeCheckInputs"
                  "optional-dependencies"
                ]
                // {
                  propagatedBuildInputs = args.dependencies or [ ] ++ [ python ];
                  nativeBuildInputs =
                    args.nativeBuildInputs or [ ]
                    ++ lib.optionals (args.doCheck or true) (args.nativeCheckInputs or [ ]);
                  passthru = {
                    dependencies = args.dependencies or [ ];
                    optional-dependencies = args.optional-dependencies or { };
                  }
                  // args.passthru or { };
                }
              )
            );
          in
          if args.disabled or false then
            throw "${args.pname} not supported for interpreter ${executable}"
          else
            drv
            // {
              overridePythonAttrs =
                change: final.buildPythonPackage (args // (if isFunction change then change args else change));
            };
        toPythonModule =
          drv:
          drv.overrideAttrs (old: {
            passthru = old.passthru or { } // {
              pythonModule = python;
              requiredPythonModules = final.requiredPythonModules (drv.propagatedBuildInputs or [ ]);
            };
          });
      };

      # A virtual environment: `pyvenv.cfg` beside bin makes Python look for packages there and nowhere else.
      buildEnv = lib.makeOverridable (
        {
          extraLibs ? [ ],
          postBuild ? "",
        }:
        let
          env = pkgs.buildEnv {
            name = "${base.name}-env";
            paths = filter (path: path != python) (packages.requiredPythonModules extraLibs);
            postBuild = ''
              mkdir -p $out/bin $out/${sitePackages}
              for name in python python3 ${executable}; do ln -s ${base}/bin/${executable} $out/bin/$name; done
              printf '%s\n' 'home = ${base}/bin' 'include-system-site-packages = false' > $out/pyvenv.cfg
              ${postBuild}
            '';
            passthru = attributes // {
              interpreter = "${env}/bin/${executable}";
              inherit python;
              meta.mainProgram = executable;
            };
          };
        in
        env
      ) { };

      attributes = {
        inherit executable sitePackages buildEnv;
        inherit version;
        pythonVersion = version;
        libPrefix = executable;
        implementation = "cpython";
        pythonAttr = "python${replaceStrings [ "." ] [ "" ] version}";
        pkgs = packages;
        interpreter = "${base}/bin/${executable}";
        withPackages = choose: buildEnv.override { extraLibs = choose packages; };
        isPy3k = true;
      };

      result =
        base
        // attributes
        // {
          passthru = attributes;
        };
    in
    result
  );
in
lib.genAttrs
  [
    "python310"
    "python311"
    "python312"
    "python313"
    "python314"
  ]
  (
    name:
    interpreter {
      version = "3." + builtins.substring 7 2 name;
    }
  )
