/**
  A Python package set with what real ones have: packages that throw, are disabled, read what others say of themselves,
  come in several versions, or are compiled against torch; and a concretisation over it.
*/
{ pkgs }:
let
  inherit (pkgs) lib;

  # A package of one module that says where its requirement lies, and of one program.
  package =
    self: args:
    self.buildPythonPackage (
      {
        version = "1.0";
        format = "other";
        buildCommand = ''
          site=$out/${self.python.sitePackages}
          mkdir -p $site/$module $site/$module-$version.dist-info $out/bin $out/share/$module
          echo "$requirement" > $out/share/$module/requirement
          {
            [ -z "$requirement" ] || echo "import $requirement"
            echo "def main(): print('$module', ''${requirement:-None}.__file__ if '$requirement' else None)"
          } > $site/$module/__init__.py
          printf 'Metadata-Version: 2.1\nName: %s\nVersion: %s\n' $module $version > $site/$module-$version.dist-info/METADATA
          [ -z "$specifier" ] || echo "Requires-Dist: $specifier" >> $site/$module-$version.dist-info/METADATA
          # As nixpkgs writes programs: they name the requirements that they were built with.
          {
            echo '#!${self.python.interpreter}'
            echo "import site"
            for path in $out $closure; do echo "site.addsitedir('$path/${self.python.sitePackages}')"; done
            echo "import $module; $module.main()"
          } > $out/bin/$module
          chmod +x $out/bin/$module
        '';
        closure = self.requiredPythonModules (args.dependencies or [ ]);
        requirement = "";
        specifier = "";
      }
      // args
    );

  python = pkgs.python311.override (old: {
    packageOverrides = lib.composeExtensions (old.packageOverrides or (_: _: { })) (
      self: _: {
        # Nobody may build these, or so much as evaluate them.
        torch = package self {
          pname = "torch";
          module = throw "the package set's own torch is built";
          passthru.stdenv = throw "torch of the package set is read";
        };
        broken = throw "broken has been removed from this package set";
        # Another package has its name, and what it requires cannot be evaluated.
        project = package self {
          pname = "project";
          module = "project";
          dependencies = [ self.broken ];
        };
        disabled = package self {
          pname = "disabled";
          module = "disabled";
          disabled = true;
        };
        typing-extensions = package self {
          pname = "typing-extensions";
          version = "4.14.0";
          module = "typing_extensions";
          optional-dependencies.more = [ self.leaf ];
          passthru.headers = "/include";
        };
        typing-extensions_3 = package self {
          pname = "typing_extensions";
          version = "3.10.0";
          module = "typing_extensions";
        };
        leaf = package self {
          pname = "leaf";
          module = "leaf";
        };
        # Not a module, but a hook of the same set.
        tool = pkgs.stdenvNoCC.mkDerivation {
          name = "tool";
          buildCommand = "mkdir $out";
          passthru.provides.setupHook = true;
        };
        user = package self {
          pname = "User";
          module = "user";
          requirement = "typing_extensions";
          specifier = "typing-extensions>=4";
          dependencies = [ self.typing-extensions ];
          nativeCheckInputs = [ self.broken ];
          doCheck = false;
        };
        through = package self {
          pname = "through";
          module = "through";
          requirement = "user";
          dependencies = [ self.user ];
          passthru.read = self.typing-extensions.headers;
        };
        by-extra = package self {
          pname = "by-extra";
          module = "by_extra";
          dependencies = [ self.user ] ++ self.typing-extensions.optional-dependencies.more;
        };
        # It requires nothing, and offers to require what this world has.
        offers = package self {
          pname = "offers";
          module = "offers";
          optional-dependencies.more = [ self.typing-extensions ];
        };
        by-offer = package self {
          pname = "by-offer";
          module = "by_offer";
          dependencies = [ self.offers ] ++ self.offers.optional-dependencies.more;
        };
        by-version = package self {
          pname = "by-version";
          module = "by_version";
          dependencies = [ self.typing-extensions_3 ];
        };
        unsatisfied = package self {
          pname = "unsatisfied";
          module = "unsatisfied";
          specifier = "typing-extensions<4; python_version>='3'";
          dependencies = [ self.typing-extensions ];
        };
        with-torch = package self {
          pname = "with-torch";
          module = "with_torch";
          requirement = "typing_extensions";
          dependencies = [
            self.torch
            self.user
          ];
          nativeCheckInputs = [ self.broken ];
          passthru.compiler = self.torch.stdenv.cc;
        };
        through-torch = package self {
          pname = "through-torch";
          module = "through_torch";
          dependencies = [ self.with-torch ];
        };
        compiled-against = package self {
          pname = "compiled-against";
          module = "compiled_against";
          buildInputs = [ self.torch.dev ];
        };
        with-flash-attn = package self {
          pname = "with-flash-attn";
          module = "with_flash_attn";
          dependencies = [ self.flash-attn ];
        };
      }
    );
  });
  axle = pkgs.axle.withCatalogue ./fixtures/catalogue;
  request = {
    inherit python;
    packages = hl: [ hl.tqdm ];
    cuda = "12.8";
    computeCapabilities = [ "8.6" ];
  };
  env = axle.concretise request;
in
{
  inherit python request env;
  inherit (axle) concretise;

  checks = {
    # Packages of the package set find the requirements of this world, in an environment and from their own programs.
    field-linked = pkgs.runCommand "axle-field-linked" { } ''
      env=${
        env.python.withPackages (ps: [
          ps.through
          ps.by-extra
          ps.leaf
        ])
      }
      world=${env.packages.typing-extensions}/
      [ -e $env/share/user/requirement ]
      # typing_extensions of the set is a file of one line; the catalogue's is the real one.
      $env/bin/python3.11 -I -c 'import through, user, by_extra, leaf, typing_extensions; typing_extensions.TypeVar; through.main()'
      for program in $env/bin/user ${env.python.pkgs.user}/bin/user; do
        $program | grep -F "$world"
      done
      $env/bin/through
      touch $out
    '';
    # What is made anew has this world's torch, and none of its tests.
    field-anew = pkgs.runCommand "axle-field-anew" { } ''
      ${
        env.python.withPackages (ps: [ ps.through-torch ])
      }/bin/python3.11 -I -c 'import os, through_torch, with_torch as w, markupsafe; assert os.path.realpath(w.typing_extensions.__file__).startswith("${env.builds.typing-extensions}/")'
      touch $out
    '';
  };

  failures = {
    linked-unsatisfied = env.python.pkgs.unsatisfied;
  };
}
