/**
  What cells are called in attributes: without dots, so that no name needs quotes.
*/
let
  undotted = builtins.replaceStrings [ "." ] [ "_" ];
in
rec {
  /**
    Of a cell file: `python3_11-cuda12_8`, `python3_11-cpu`.
  */
  file =
    file: undotted "python${file.python}-${if file.cuda == "cpu" then "cpu" else "cuda${file.cuda}"}";

  /**
    Of a cell, and of its environment: `python3_11-cuda12_8-torch2_9_1`.
  */
  environment = cellFile: torch: "${file cellFile}-torch${undotted torch}";
}
