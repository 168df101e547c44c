{
  buildOf,
  cells,
  cellFile,
  components,
  file,
  sdist,
  wheel,
  ...
}:
let
  target = {
    python = "3.11";
    cuda = "12.8";
  };
in
{
  cells = [
    {
      expr = builtins.attrNames cells;
      expected = [
        "3.11-12.8"
        "3.11-cpu"
      ];
    }
  ];
  cellFile = [
    {
      expr = (cellFile target).order;
      expected = [
        "2.10.0"
        "2.9.1"
      ];
    }
    {
      expr = (cellFile (target // { cuda = null; })).cuda;
      expected = "cpu";
    }
  ];
  wheel = [
    {
      expr =
        (wheel {
          name = "tqdm";
          version = "4.67.1";
          filename = "tqdm-4.67.1-py3-none-any.whl";
        }).scripts;
      expected.tqdm = "tqdm.cli:main";
    }
  ];
  sdist = [
    {
      expr =
        (builtins.tryEval (sdist {
          name = "tqdm";
          version = "4.67.1";
          filename = "tqdm-4.67.1.tar.gz";
        })).success;
      expected = false;
    }
  ];
  buildOf = [
    {
      expr =
        (builtins.tryEval (
          buildOf "wheels" {
            name = "no-such";
            version = "1";
            filename = "";
          }
        )).success;
      expected = false;
    }
  ];
  components = [
    {
      expr = (builtins.tryEval (components "13.0")).success;
      expected = false;
    }
  ];
  file = [
    {
      expr = (file "compilers").schema;
      expected = "axle.compilers/1";
    }
    {
      expr = file "no-such";
      expected = null;
    }
  ];
}
