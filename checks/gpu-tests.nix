/**
  The tests on a GPU, without one: what runs them says what it does, with a driver made for this and without, and every
  package of the catalogue that holds GPU code has a test.
*/
{
  pkgs,
  axle ? pkgs.axle,
}:
let
  inherit (builtins)
    attrNames
    attrValues
    concatMap
    concatStringsSep
    elem
    filter
    match
    unsafeDiscardStringContext
    ;
  inherit (pkgs) lib;
  inherit (import ../overlays/gpu-tests { inherit pkgs; }) names;

  # NVIDIA's libraries are tried by the tests of torch and JAX, which call them.
  isTriedByOthers =
    name:
    match "nvidia-.*|jax-cuda.*-pjrt|jaxlib" name != null
    || elem name [
      # Kernels of flashinfer-python.
      "flashinfer-cubin"
      # No code of its own: it requires the others.
      "cuda-toolkit"
      # What its kernels are compiled by knows few GPUs.
      "cuda-tile"
      # Needs several GPUs.
      "nccl4py"
      # Decodes on the GPU with the FFmpeg of the machine.
      "torchcodec"
      # What vLLM of one release was compiled with, and nobody calls.
      "vllm-flash-attn"
    ];
  inCells = lib.unique (
    concatMap (
      file:
      concatMap (cell: filter (name: cell.packages.${name}.gpu or false) (attrNames cell.packages)) (
        attrValues file.torch
      )
    ) (attrValues axle.cells)
  );
  untested = filter (name: !elem name names && !isTriedByOthers name) inCells;

  tests = import ./gpu.nix { inherit pkgs axle; };
  lacksFeature = filter (name: tests.${name}.requiredSystemFeatures != [ "cuda" ]) (attrNames tests);

  python = pkgs.python311.interpreter;
in
{
  gpu-tests =
    if untested != [ ] then
      throw "axle: no file of overlays/gpu-tests tries ${concatStringsSep ", " untested}"
    else if lacksFeature != [ ] then
      throw "axle: these tests would be built where there is no GPU: ${concatStringsSep ", " lacksFeature}"
    else
      pkgs.writeText "gpu-tests" (
        unsafeDiscardStringContext (
          concatStringsSep "\n" (
            concatMap (test: [
              test.drvPath
              test.dryRun.drvPath
            ]) (attrValues tests)
          )
        )
      );

  gpu-test-runner =
    pkgs.runCommand "axle-gpu-test-runner" { nativeBuildInputs = [ pkgs.stdenv.cc ]; }
      ''
        cat > passes.py << END
        modules = ["json"]
        def test(): print("computed")
        END
        cat > fails.py << END
        modules = ["json"]
        def test(): raise AssertionError("2 + 2 = 5")
        END
        cat > lacks.py << END
        modules = ["no_such_module"]
        def test(): pass
        END
        for devices in 0 1; do
          mkdir $devices
          echo "int cuInit(unsigned flags) { return 0; } int cuDeviceGetCount(int *count) { *count = $devices; return 0; }" > fake.c
          $CC -shared -fPIC -o $devices/libcuda.so.1 fake.c
        done

        # run DRIVER WANTED-STATUS TEST OPTIONS…: what is printed goes to `said`.
        run() {
          local status=0
          LD_LIBRARY_PATH=$PWD/$1 ${python} -I ${../overlays/gpu-tests/run.py} $3 $PWD/$3.py $PWD/folder ''${*:4} > said 2>&1 || status=$?
          if [ $status != $2 ]; then
            echo "with the driver $1, $3 ''${*:4} ends with status $status:" >&2
            cat said >&2
            exit 1
          fi
        }
        run none 0 passes --dry-run
        grep -qx 'passes: imported; no GPU: skipped' said
        run none 1 passes
        grep -q 'passes: no GPU: no libcuda.so.1' said
        # In its folder alone.
        ln -s 0 folder
        run none 1 passes
        grep -q 'passes: no GPU: the driver has no device' said
        rm folder
        run 0 1 passes
        grep -q 'passes: no GPU: the driver has no device' said
        run 1 0 passes
        grep -qx 'computed' said
        grep -qx 'passes: passed' said
        run 1 0 fails --dry-run
        grep -qx 'fails: imported; dry run: skipped' said
        run 1 1 fails
        grep -q 'AssertionError: 2 + 2 = 5' said
        run none 1 lacks --dry-run
        grep -q 'no_such_module' said
        touch $out
      '';
}
