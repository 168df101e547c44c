"""Tries a package on the GPU of this machine.

usage: run.py NAME TEST DRIVER [--dry-run]

TEST is a Python file, NAME the package that it tries, DRIVER the folder that the driver's libraries are in. Its `modules` can be imported on any machine; `test()` computes on the GPU and raises when the
result is wrong. With --dry-run only the modules are imported. Without it a machine without a GPU is a failure.
"""

import ctypes
import importlib
import importlib.util
import sys


def driver(folder):
    """The driver's library, in the search path or in its folder; None without one."""
    for name in ["libcuda.so.1", f"{folder}/libcuda.so.1"]:
        try:
            return ctypes.CDLL(name)
        except OSError:
            pass
    return None


def why_no_gpu(folder):
    """Why nothing can be computed on a GPU here; None when there is one."""
    cuda = driver(folder)
    if cuda is None:
        return f"no libcuda.so.1, the library of NVIDIA's driver, in {folder} or LD_LIBRARY_PATH"
    status = cuda.cuInit(0)
    if status != 0:
        return f"the driver does not start (cuInit gives {status})"
    count = ctypes.c_int(0)
    cuda.cuDeviceGetCount(ctypes.byref(count))
    return None if count.value > 0 else "the driver has no device"


def main(name, path, folder, *options):
    if options not in [(), ("--dry-run",)]:
        sys.exit(__doc__)
    # Under another name: the test of torch is torch.py, and is not to be what `import torch` finds.
    spec = importlib.util.spec_from_file_location("gpu_test", path)
    tried = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = tried
    spec.loader.exec_module(tried)
    for module in tried.modules:
        importlib.import_module(module)
    missing = why_no_gpu(folder)
    if options:
        print(f"{name}: imported; {'dry run' if missing is None else 'no GPU'}: skipped")
    elif missing is not None:
        sys.exit(f"{name}: no GPU: {missing}")
    else:
        tried.test()
        print(f"{name}: passed")


main(*sys.argv[1:])
