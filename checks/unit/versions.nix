{
  release,
  toNumber,
  compare,
  satisfies,
  sort,
  hasDuplicates,
}:
{
  release = [
    {
      expr = release "1.26.4";
      expected = [
        1
        26
        4
      ];
    }
    {
      expr = release "2024.04";
      expected = [
        2024
        4
      ];
    }
    {
      expr = map release [
        "2.0rc1"
        "1.0+cu128"
        ""
        "1..2"
      ];
      expected = [
        null
        null
        null
        null
      ];
    }
  ];
  toNumber = [
    {
      expr = map toNumber [
        "0"
        "007"
        "10"
      ];
      expected = [
        0
        7
        10
      ];
    }
  ];
  compare = [
    {
      expr = compare "2.9" "2.10";
      expected = -1;
    }
    {
      expr = compare "1.2" "1.2.0";
      expected = 0;
    }
    {
      expr = compare "2" "1.99.99";
      expected = 1;
    }
  ];
  satisfies = [
    {
      expr = satisfies "2.3.5" [
        [
          ">="
          "1.23"
        ]
        [
          "<"
          "3"
        ]
        [
          "!="
          "2.3.4"
        ]
      ];
      expected = true;
    }
    {
      expr = satisfies "1.9" [
        [
          ">="
          "1.10"
        ]
      ];
      expected = false;
    }
    {
      expr = satisfies "1.0" [ ];
      expected = true;
    }
    {
      expr = satisfies "unstable-2024-01-01" [ ];
      expected = false;
    }
    {
      # An unknown operator throws; it is never taken for false.
      expr =
        (builtins.tryEval (
          satisfies "1.0" [
            [
              "==="
              "1.0"
            ]
          ]
        )).success;
      expected = false;
    }
  ];
  sort = [
    {
      expr = sort [
        "12.0"
        "8.6"
        "10.0"
        "9.0"
      ];
      expected = [
        "8.6"
        "9.0"
        "10.0"
        "12.0"
      ];
    }
  ];
  hasDuplicates = [
    {
      expr = hasDuplicates [
        "8.6"
        "9.0"
        "8.6"
      ];
      expected = true;
    }
    {
      expr = hasDuplicates [
        "8.6"
        "9.0"
      ];
      expected = false;
    }
    {
      expr = hasDuplicates [ ];
      expected = false;
    }
  ];
}
