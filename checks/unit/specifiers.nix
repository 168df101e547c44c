{
  parse,
  show,
  holds,
}:
{
  # Whether they are satisfied is held to Rust by vectors.nix.
  holds = [
    {
      expr = map (version: holds version (parse ">=1.2,!=1.3.*")) [
        "1.2"
        "1.3.post1"
        "1.10+cu128"
        "2.0rc1"
      ];
      expected = [
        true
        false
        true
        null
      ];
    }
  ];
  show = [
    {
      expr = map (text: show (parse text)) [
        "<3, >=1.23"
        " ==2024.04.* "
        "~=1.2.post1"
      ];
      expected = [
        ">=1.23,<3"
        "==2024.4.*"
        "~=1.2.post1"
      ];
    }
  ];
  parse = [
    {
      expr = map parse [
        ""
        "1.0"
        "=1"
        "===1"
        "~=1"
        ">=1.*"
        ">=1,"
        ">=2.0rc1"
        ">=1!2"
        "==1.0+cu128"
        ">=1; python_version > '3'"
      ];
      expected = builtins.genList (_: null) 11;
    }
  ];
}
