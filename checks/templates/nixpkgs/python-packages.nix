/**
  What templates ask of `python.pkgs`: builds by PEP 517, editable packages, and, in name only, Jupyter.
*/
pkgs: self: super:
let
  inherit (pkgs) lib;
  inherit (self) python;

  pathOf =
    drvs:
    lib.concatMapStringsSep ":" (drv: "${drv}/${python.sitePackages}") (
      builtins.filter (drv: drv != python) (self.requiredPythonModules drvs)
    );

  # A package of one module, as the tests have them.
  module =
    name: text:
    self.buildPythonPackage {
      pname = name;
      version = "1.0";
      inherit text;
      passAsFile = [ "text" ];
      buildCommand = ''
        mkdir -p $out/${python.sitePackages}
        cp $textPath $out/${python.sitePackages}/${name}.py
      '';
    };
in
{
  buildPythonPackage =
    args:
    super.buildPythonPackage (
      if !(args.pyproject or false) then
        args
      else
        removeAttrs args [
          "build-system"
          "pyproject"
          "pythonImportsCheck"
        ]
        // {
          buildCommand = ''
            cp -r $src source
            chmod -R u+w source
            PYTHONPATH=${pathOf args.build-system} ${python.interpreter} ${./build.py} source $out/${python.sitePackages} $out/bin \
              $out/${python.sitePackages}:${pathOf (args.dependencies or [ ])}
            for module in ${toString (args.pythonImportsCheck or [ ])}; do
              PYTHONPATH=$out/${python.sitePackages}:${
                pathOf (args.dependencies or [ ])
              } ${python.interpreter} -c "import $module"
            done
          '';
        }
    );

  mkPythonEditablePackage =
    {
      pname,
      version,
      root,
      dependencies ? [ ],
      # Nothing here runs them.
      scripts ? { },
    }:
    assert builtins.isAttrs scripts;
    self.buildPythonPackage {
      inherit pname version dependencies;
      buildCommand = ''
        site=$out/${python.sitePackages}
        mkdir -p $site/${pname}-${version}.dist-info $out/bin
        echo 'import os, sys; sys.path.insert(0, os.path.expandvars("${root}"))' > $site/${pname}.pth
        printf 'Metadata-Version: 2.1\nName: ${pname}\nVersion: ${version}\n' > $site/${pname}-${version}.dist-info/METADATA
      '';
    };

  setuptools = self.buildPythonPackage {
    pname = "setuptools";
    version = "84.2.1";
    nativeBuildInputs = [ pkgs.unzip ];
    buildCommand = ''
      mkdir -p $out/${python.sitePackages}
      unzip -q ${
        pkgs.fetchPypi {
          pname = "setuptools";
          version = "84.2.1";
          format = "wheel";
          python = "py3";
          dist = "py3";
          abi = "none";
          platform = "any";
          hash = "sha256-yhQLRdUyWpR4+IDjUUhPYv7xXzNkYuRJygwDyHPVicI=";
        }
      } -d $out/${python.sitePackages}
    '';
  };

  # A kernel that says what it was started with, and what it can import.
  ipykernel = module "ipykernel_launcher" ''
    import sys, torch
    print("kernel", sys.argv[1:], torch.__version__)
  '';
  jupyterlab = module "jupyterlab" "";
}
