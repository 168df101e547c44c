{ show, absent }:
{
  show = [
    {
      expr = show {
        package = "a";
        why = {
          cause = "no-wheel";
        };
      };
      expected = "a: no-wheel";
    }
    {
      expr = show {
        package = "a";
        version = "1";
        why = {
          cause = "uncovered";
          lacking = [ "6.1" ];
          covers = [
            "8.0"
            "9.0"
          ];
          code = [ ];
        };
        source = {
          compiling = "possible";
          compilers = [
            {
              compiler = "gcc";
              oldest = 6;
              newest = 14;
            }
          ];
          minutes = null;
        };
      };
      expected = "a 1: uncovered (covers 8.0, 9.0; lacking 6.1), compiling possible (compilers gcc 6 to 14)";
    }
    {
      expr = show {
        package = "a";
        why = {
          cause = "conflict";
          facts = [
            {
              package = "a";
              versions = [
                "1.0"
                [
                  "1.2"
                  "1.4"
                ]
              ];
              fact = "requires";
              requirement = "torch==2.8";
            }
            {
              package = "torch";
              versions = [ "2.9.1" ];
              fact = "has";
            }
          ];
        };
      };
      expected = "a: conflict (facts requires (package a; requirement torch==2.8; versions 1.0, 1.2 to 1.4), has (package torch; versions 2.9.1))";
    }
  ];
  absent = [
    {
      expr = absent "a" null;
      expected = {
        package = "a";
        version = null;
        why = {
          cause = "not-in-set";
        };
        source = null;
      };
    }
    {
      expr = (absent "a" { why.cause = "no-wheel"; }).why;
      expected = {
        cause = "no-wheel";
      };
    }
  ];
}
