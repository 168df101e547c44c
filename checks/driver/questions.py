"""Asks a package for the devices, as its users do: `python -I questions.py PACKAGE found|missing`.

With a driver, which knows no GPU, the answer is that there is none; without one it is what the package says then.
"""

import ctypes
import glob
import os
import sys


def shared(pattern):
    """A library of the environment, opened by its path."""
    found = [path for folder in sys.path for path in glob.glob(os.path.join(folder, pattern))]
    assert found, f"nothing is called {pattern}"
    return ctypes.CDLL(sorted(found)[0])


def torch():
    import torch

    assert torch.version.cuda and not torch.cuda.is_available()
    status = shared("nvidia/*/lib/libcudart.so.*").cudaGetDeviceCount(ctypes.byref(ctypes.c_int()))
    return told(status)


def torch_nvml():
    import torch

    count = torch.cuda._device_count_nvml()
    # Negative: there is no NVML.
    return count == 0


def told(status):
    # 35: the driver is older than the run time, or there is none; 100: there is no device.
    assert status in (35, 100), status
    return status == 100


def cuda_runtime():
    return told(shared("nvidia/*/lib/libcudart.so.*").cudaGetDeviceCount(ctypes.byref(ctypes.c_int())))


def nccl():
    # 1: CUDA fails, for there is no device.
    status = shared("nvidia/nccl/lib/libnccl.so.*").ncclCommInitAll(ctypes.byref(ctypes.c_void_p()), 1, None)
    assert status == 1, status


def no_driver(error):
    """Whether CUDA's packages for Python have found no driver, as one release or another says it."""
    return isinstance(error, RuntimeError) and ("driver" in str(error) or "libcuda.so.1" in str(error))


def cuda_bindings():
    from cuda.bindings import driver

    try:
        return driver.cuInit(0)[0].name == "CUDA_ERROR_NO_DEVICE"
    except RuntimeError as error:
        assert no_driver(error), error
        return False


def cuda_core():
    import cuda.core

    try:
        device = getattr(cuda.core, "Device", None) or __import__("cuda.core.experimental").core.experimental.Device
        device(0)
    except Exception as error:
        if "NO_DEVICE" in str(error):
            return True
        if no_driver(error):
            return False
        raise


def numba():
    from numba import cuda
    from numba.cuda.cudadrv.error import CudaSupportError

    try:
        list(cuda.gpus)
    except CudaSupportError as error:
        return "CUDA_ERROR_NO_DEVICE" in str(error)
    return False


def nvidia_ml_py():
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError_LibraryNotFound:
        return False
    return pynvml.nvmlDeviceGetCount() == 0


def cupy():
    import cupy

    try:
        cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        return told(error.status)


def cupy_driver():
    from cupy_backends.cuda.api import driver

    try:
        driver.deviceGetCount() if hasattr(driver, "deviceGetCount") else driver.ctxGetCurrent()
    except driver.CUDADriverError as error:
        return error.status == 100
    except RuntimeError:
        return False


def jax():
    import jax

    try:
        jax.devices("cuda")
    except RuntimeError:
        return None


def tensorflow():
    import tensorflow

    assert tensorflow.config.list_physical_devices("GPU") == []


def onnxruntime():
    import onnxruntime

    def field(number, content):
        return bytes([number << 3 | 2, len(content)]) + content

    kind = field(2, field(1, bytes([8, 1]) + field(2, field(1, bytes([8, 1])))))
    node = field(1, field(1, b"x") + field(2, b"y") + field(4, b"Identity"))
    graph = node + field(2, b"g") + field(11, field(1, b"x") + kind) + field(12, field(1, b"y") + kind)
    model = bytes([8, 8]) + field(7, graph) + field(8, bytes([16, 13]))
    assert "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    session = onnxruntime.InferenceSession(model, providers=["CUDAExecutionProvider", "CPUExecutionProvider"])
    assert session.get_providers() == ["CPUExecutionProvider"]


def ctranslate2():
    import ctranslate2

    assert ctranslate2.get_cuda_device_count() == 0


def triton():
    import triton.backends.nvidia.driver as driver

    driver.CudaUtils()


def bitsandbytes():
    import bitsandbytes

    assert bitsandbytes.__version__


def transformer_engine():
    # It loads its library. That of its extension of torch is no wheel.
    import transformer_engine.common


def vllm():
    from vllm.third_party import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError_LibraryNotFound:
        return False
    return pynvml.nvmlDeviceGetCount() == 0


# By package, what is asked; whose question answers nothing is judged by what was opened.
QUESTIONS = {
    "bitsandbytes": bitsandbytes,
    "ctranslate2": ctranslate2,
    "cuda-bindings": cuda_bindings,
    "cuda-core": cuda_core,
    "cuda-python": cuda_bindings,
    "cupy-cuda12x": cupy,
    "cupy-cuda13x": cupy,
    "cupy-driver": cupy_driver,
    "jax": jax,
    "numba": numba,
    "nvidia-cuda-runtime": cuda_runtime,
    "nvidia-cuda-runtime-cu12": cuda_runtime,
    "nvidia-ml-py": nvidia_ml_py,
    "nvidia-nccl-cu12": nccl,
    "nvidia-nccl-cu13": nccl,
    "onnxruntime-gpu": onnxruntime,
    "tensorflow": tensorflow,
    "torch": torch,
    "torch-nvml": torch_nvml,
    "transformer-engine-cu12": transformer_engine,
    "transformer-engine-cu13": transformer_engine,
    "triton": triton,
    "vllm": vllm,
}

question, expected = sys.argv[1:]
answer = QUESTIONS[question]()
assert answer in (None, expected == "found"), f"{question}: the driver is not {expected}"
