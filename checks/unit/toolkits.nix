{ compilersOf, objections, ... }:
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
      expr = (builtins.tryEval (compilersOf "9.9")).success;
      expected = false;
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
