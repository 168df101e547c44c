{ demand }:
let
  refuses = kind: values: map (value: (builtins.tryEval (demand kind value)).success) values;
  none = map (_: false);
in
{
  demand =
    map
      (case: {
        expr = map (demand case.kind) case.good ++ refuses case.kind case.bad;
        expected = map toString case.good ++ none case.bad;
      })
      [
        {
          kind = "name of an environment variable";
          good = [
            "MAX_JOBS"
            "_a1"
          ];
          bad = [
            "A=1; touch x; export B"
            "1A"
            ""
            "A\nB"
          ];
        }
        {
          kind = "path in a wheel";
          good = [ "torch/lib/libtorch.so" ];
          bad = [
            "../outside"
            "a/../../outside"
            "/etc/passwd"
            "--set-rpath"
            "a\nb"
            ""
          ];
        }
        {
          kind = "soname";
          good = [ "libstdc++.so.6" ];
          bad = [
            "$(touch x).so"
            "-l"
            "a/b"
          ];
        }
        {
          kind = "name of a program";
          good = [ "torchrun" ];
          bad = [
            "../x"
            "a b"
          ];
        }
        {
          kind = "version number";
          good = [
            14
            "2.41"
          ];
          bad = [
            "a[$(touch x)]"
            "2.x"
            { }
          ];
        }
      ];
}
