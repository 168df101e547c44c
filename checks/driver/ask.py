"""Asks a package for the devices, as its users do. `python -I ask.py PACKAGE found|missing`.

With a driver the answer is that there is no GPU, and without one what the package says then.
"""

import ctypes
import glob
import os
import sys


def cuda_bindings():
    from cuda.bindings import driver

    try:
        return driver.cuInit(0)[0].name == "CUDA_ERROR_NO_DEVICE"
    except RuntimeError as error:
        assert '"cuda" is an NVIDIA driver library' in str(error), error
        return False


def numba():
    from numba import cuda
    from numba.cuda.cudadrv.error import CudaSupportError

    try:
        cuda.detect()
        list(cuda.gpus)
    except CudaSupportError as error:
        return "CUDA_ERROR_NO_DEVICE" in str(error)
    return False


def cuda_runtime():
    found = [path for folder in sys.path for path in glob.glob(os.path.join(folder, "nvidia/*/lib/libcudart.so.*"))]
    # 35: the driver is older than the run time, or there is none; 100: there is no device.
    status = ctypes.CDLL(found[0]).cudaGetDeviceCount(ctypes.byref(ctypes.c_int()))
    assert status in (35, 100), status
    return status == 100


def nvidia_ml_py():
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError_LibraryNotFound:
        return False
    return pynvml.nvmlDeviceGetCount() == 0


QUESTIONS = {
    "cuda-bindings": cuda_bindings,
    "numba": numba,
    "nvidia-cuda-runtime": cuda_runtime,
    "nvidia-cuda-runtime-cu12": cuda_runtime,
    "nvidia-ml-py": nvidia_ml_py,
}

question, expected = sys.argv[1:]
answer = "found" if QUESTIONS[question]() else "missing"
assert answer == expected, f"{question}: the driver is {answer}, not {expected}"
