{
  describe,
  difference,
  label,
  normalise,
  variant,
  identify,
  conflict,
  hook,
  guard,
}:
let
  target = {
    python = "3.11";
    cuda = "12.8";
    torch = "2.9.1";
    compute_capabilities = [
      "8.6"
      "9.0"
    ];
  };
  plain = target // {
    cuda = null;
    compute_capabilities = [ ];
  };
  world = {
    id = "a";
    inherit target;
  };
  python = {
    outPath = "/python";
    pythonVersion = "3.11";
    pkgs.requiredPythonModules = packages: packages ++ [ { outPath = "/python"; } ];
  };
  package = name: outPath: world: {
    pname = name;
    inherit name outPath;
    pythonModule = python;
    axle.world = world;
  };
  own = {
    torch = { };
  };
  accepts =
    packages: (builtins.tryEval (guard { inherit world python own; } packages == packages)).value;
in
{
  describe = [
    {
      expr = describe target;
      expected = "Python 3.11, CUDA 12.8, torch 2.9.1, compute capabilities 8.6 9.0";
    }
    {
      expr = describe plain;
      expected = "Python 3.11, no CUDA, torch 2.9.1";
    }
  ];
  normalise = [
    {
      expr = map normalise [
        "Jinja2"
        "ruamel.yaml"
        "typing_extensions"
      ];
      expected = [
        "jinja2"
        "ruamel-yaml"
        "typing-extensions"
      ];
    }
  ];
  variant = [
    {
      expr = variant target;
      expected = "torch2.9-cu128";
    }
    {
      expr = variant plain;
      expected = "torch2.9-cpu";
    }
  ];
  label = [
    {
      expr = label target;
      expected = "torch2.9-cu128-cc8.6-9.0";
    }
    {
      expr = label plain;
      expected = "torch2.9-cpu";
    }
  ];
  difference = [
    {
      expr = difference target (target // { cuda = "13.0"; });
      expected = "cuda: 12.8 here, 13.0 there";
    }
    {
      expr = difference (target // { compiler.gcc = 13; }) plain;
      expected = "compiler: gcc13 here, none there; compute capabilities: 8.6 9.0 here, none there; cuda: 12.8 here, none there";
    }
    {
      expr = difference target target;
      expected = "their package sets, overrides or preferences differ";
    }
  ];
  identify = [
    {
      expr = identify {
        b = 1;
        a = 2;
      };
      expected = builtins.hashString "sha256" ''{"a":2,"b":1}'';
    }
  ];
  conflict = [
    {
      expr = conflict target plain;
      expected = "axle: packages of two concretisations are mixed (compute capabilities: 8.6 9.0 here, none there; cuda: 12.8 here, none there): one for ${describe target}, one for ${describe plain}; use one call of `concretise` for all of them";
    }
  ];
  # What the hook does is seen in the check fixture-mixing.
  hook = [
    {
      expr = builtins.match ".*axleWorld=a\n.*" (hook world) != null;
      expected = true;
    }
    {
      # A version out of a lock is data wherever it stands in the shell text.
      expr =
        let
          text = hook {
            id = "a";
            target = target // {
              torch = "2.9.1$(touch x)";
            };
          };
          parts = builtins.split "'[^']*'" text;
        in
        builtins.any (part: builtins.isString part && builtins.match ".*touch.*" part != null) parts;
      expected = false;
    }
  ];
  guard = [
    {
      expr = accepts [
        (package "torch" "/torch" world)
        (package "numpy" "/numpy" world)
      ];
      expected = true;
    }
    {
      expr = accepts [ (package "torch" "/torch" world // { pythonModule = false; }) ];
      expected = false;
    }
    {
      expr = accepts [ { name = "ripgrep"; } ];
      expected = false;
    }
    {
      expr = accepts [ (package "torch" "/torch" (world // { id = "b"; })) ];
      expected = false;
    }
    {
      expr = accepts [
        (package "typing_extensions" "/one" world)
        (package "Typing.Extensions" "/two" world)
      ];
      expected = false;
    }
    {
      # A torch of the package set, alone.
      expr = accepts [ (removeAttrs (package "torch" "/torch" world) [ "axle" ]) ];
      expected = false;
    }
    {
      expr = accepts [ (removeAttrs (package "requests" "/requests" world) [ "axle" ]) ];
      expected = true;
    }
  ];
}
