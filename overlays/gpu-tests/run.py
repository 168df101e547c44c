"""Tries a package on the GPU of this machine.

usage: run.py NAME TEST [--dry-run]

TEST is a Python file, NAME the package that it tries. Its `modules` can be imported on any machine; `test()` computes on the GPU and raises when the
result is wrong. With --dry-run only the modules are imported. Without it a machine without a GPU is a failure.
"""

import ctypes
import importlib
import importlib.util
import sys


def driver():
    """The driver's library, in the search path or where NixOS has it; None without one."""
    for name in ["libcuda.so.1", "/run/opengl-driver/lib/libcuda.so.1"]:
        try:
            return ctypes.CDLL(name)
        except OSError:
            pass
    return None


def why_no_gpu():
    """Why nothing can be computed on a GPU here; None when there is one."""
    cuda = driver()
    if cuda is None:
        return "no libcuda.so.1, the library of NVIDIA's driver, in /run/opengl-driver/lib or LD_LIBRARY_PATH"
    status = cuda.cuInit(0)
    if status != 0:
        return f"the driver does not start (cuInit gives {status})"
    count = ctypes.c_int(0)
    cuda.cuDeviceGetCount(ctypes.byref(count))
    return None if count.value > 0 else "the driver has no device"


def main(name, path, *options):
    if options not in [(), ("--dry-run",)]:
        sys.exit(__doc__)
    # Under another name: the test of torch is torch.py, and is not to be what `import torch` finds.
    spec = importlib.util.spec_from_file_location("gpu_test", path)
    tried = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = tried
    spec.loader.exec_module(tried)
    for module in tried.modules:
        importlib.import_module(module)
    missing = why_no_gpu()
    if options:
        print(f"{name}: imported; {'dry run' if missing is None else 'no GPU'}: skipped")
    elif missing is not None:
        sys.exit(f"{name}: no GPU: {missing}")
    else:
        tried.test()
        print(f"{name}: passed")


main(*sys.argv[1:])
