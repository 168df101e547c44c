/**
  What nvcc.sh calls, with an nvcc that only says what it was given.
*/
{ pkgs }:
pkgs.runCommand "axle-nvcc" { } ''
  nvcc() {
    (
      axleNvcc=echo axleArchitectures="86 90" axleHostCompiler=/bin/g++ axleFlags=
      # The script ends in the place of this shell.
      set -- "$@"
      source ${../overlays/builders/nvcc.sh}
    )
  }
  expect() {
    if [ "$1" != "$2" ]; then
      printf 'expected %s\ngot      %s\n' "$1" "$2" >&2
      exit 1
    fi
  }
  both="-gencode arch=compute_86,code=sm_86 -gencode arch=compute_90,code=sm_90"

  # A package's own list is left out, whatever it looks like, and PTX with it.
  expect "-ccbin /bin/g++ $both -O3 -c a.cu" "$(nvcc -O3 -gencode arch=compute_80,code=sm_80 -c a.cu)"
  expect "-ccbin /bin/g++ $both -c a.cu" "$(nvcc --generate-code=arch=compute_75,code=[compute_75,sm_75] -c a.cu)"
  expect "-ccbin /bin/g++ $both -c a.cu" "$(nvcc -arch=native -c a.cu)"
  expect "-ccbin /bin/g++ $both -c a.cu" "$(nvcc -gencode arch=compute_90,code=compute_90 -c a.cu)"

  # What was asked for is there once, and a variant that the package has of it stays.
  expect "-ccbin /bin/g++ -gencode arch=compute_86,code=sm_86 -gencode arch=compute_90,code=sm_90 -c a.cu" \
    "$(nvcc -gencode arch=compute_86,code=sm_86 -gencode arch=compute_86,code=sm_86 -c a.cu)"
  expect "-ccbin /bin/g++ -gencode arch=compute_90a,code=sm_90a -gencode arch=compute_86,code=sm_86 -c a.cu" \
    "$(nvcc -gencode arch=compute_90a,code=sm_90a -c a.cu)"

  # A host compiler that the package names is the package's matter, and a run of the preprocessor takes one architecture.
  expect "$both -ccbin=g++ -c a.cu" "$(nvcc -ccbin=g++ -c a.cu)"
  expect "-ccbin /bin/g++ -E -arch sm_80 a.cu" "$(nvcc -E -arch sm_80 a.cu)"
  touch $out
''
