{
  closureOf,
  cycleOf,
  externalsOf,
  memberOf,
  objections,
}:
let
  package = requires: externals: covers: {
    version = "1";
    inherit requires externals;
    wheel = {
      inherit covers;
      provenance = "audited";
      glibc = "2.28";
    };
  };
  external = requires: {
    inherit requires;
    fallback = {
      version = "3";
      filename = "x.whl";
      sha256 = "";
    };
  };
  cell = {
    packages = {
      torch = package [ "triton" ] [ "jinja2" ] [ "8.0" "9.0" ];
      # Requirements may go round.
      triton = package [ "torch" ] [ ] [ "8.0" "9.0" ];
      vision = package [ "torch" ] [ "numpy" ] [ "9.0" ];
    };
    externals = {
      jinja2 = external [ "markupsafe" ];
      markupsafe = external [ ];
      numpy = external [ ];
    };
    absent.xformers.message = "xformers has no wheel for it";
  };
  request = {
    inherit cell;
    torch = "2.9.1";
    names = [ "vision" ];
    computeCapabilities = [ "9.0" ];
    onlyAudited = false;
    glibc = "2.36";
  };
in
{
  closureOf = [
    {
      expr = closureOf cell [ "vision" ];
      expected = [
        "vision"
        "torch"
        "triton"
      ];
    }
    {
      expr = closureOf cell [ "numpy" ];
      expected = [ ];
    }
  ];
  cycleOf = [
    {
      expr = cycleOf cell "triton";
      expected = [
        "torch"
        "triton"
      ];
    }
    {
      expr = cycleOf cell "vision";
      expected = [ "vision" ];
    }
  ];
  externalsOf = [
    {
      expr = externalsOf cell [ "vision" ];
      expected = [
        "numpy"
        "jinja2"
        "markupsafe"
      ];
    }
    {
      expr = externalsOf cell [ "markupsafe" ];
      expected = [ "markupsafe" ];
    }
  ];
  memberOf = [
    {
      expr = (memberOf cell "torch").version;
      expected = "1";
    }
    {
      expr = memberOf cell "jinja2";
      expected = {
        version = "3";
        requires = [ ];
        externals = [ "markupsafe" ];
        wheel = {
          filename = "x.whl";
          sha256 = "";
        };
      };
    }
  ];
  objections = [
    {
      expr = objections request;
      expected = [ ];
    }
    {
      expr = objections (
        request
        // {
          computeCapabilities = [
            "8.0"
            "9.0"
          ];
        }
      );
      expected = [ "the wheel of vision 1 has no code for 8.0 (it covers 9.0)" ];
    }
    {
      expr = objections (
        request
        // {
          names = [
            "xformers"
            "nothing"
          ];
        }
      );
      expected = [
        "xformers has no wheel for it"
        "nothing is not in the catalogue for torch 2.9.1"
      ];
    }
    {
      # One for each wheel: 2.9 is older than 2.28.
      expr = builtins.length (objections (request // { glibc = "2.9"; }));
      expected = 3;
    }
  ];
}
