{
  compilersOf,
  spansOf,
  objections,
  demand,
  ...
}:
let
  rulesOf =
    cuda: kind: major:
    map (objection: objection.rule) (objections {
      inherit cuda;
      compiler = { inherit kind major; };
    });
in
{
  compilersOf = [
    {
      expr = (compilersOf "12.8").gcc.max;
      expected = 14;
    }
    {
      expr = (compilersOf "12.8").glibc_headers_below;
      expected = "2.41";
    }
    {
      expr = (builtins.tryEval (compilersOf "9.9")).success;
      expected = false;
    }
  ];
  spansOf = [
    {
      expr = builtins.head (spansOf "12.8");
      expected = {
        compiler = "gcc";
        oldest = 6;
        newest = 14;
      };
    }
    {
      expr = spansOf null;
      expected = [ ];
    }
  ];
  demand =
    let
      given =
        allow:
        builtins.tryEval (
          demand {
            cuda = "12.8";
            compiler = {
              kind = "gcc";
              major = 15;
            };
            inherit allow;
          } "value"
        );
    in
    [
      {
        expr = (given [ ]).success;
        expected = false;
      }
      {
        expr = (given [ "AX202" ]).success;
        expected = false;
      }
      {
        expr = (given [ "AX201" ]).value;
        expected = "value";
      }
    ];
  objections = [
    {
      expr = rulesOf "12.8" "gcc" 14;
      expected = [ ];
    }
    {
      expr = rulesOf "12.8" "gcc" 15;
      expected = [ "AX201" ];
    }
    {
      expr = rulesOf "12.8" "gcc" 4;
      expected = [ "AX202" ];
    }
    {
      expr = rulesOf "12.8" "clang" 20;
      expected = [ "AX203" ];
    }
    {
      expr = rulesOf "12.8" "clang" 6;
      expected = [ "AX204" ];
    }
    {
      # Without CUDA or without a compiler there is nothing to refuse.
      expr = objections {
        cuda = null;
        compiler = null;
      };
      expected = [ ];
    }
  ];
}
