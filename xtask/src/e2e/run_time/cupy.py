"""CuPy: NVRTC compiles a kernel that includes CUDA's headers, for a GPU that need not be there."""

from cupy._core import core
from cupy.cuda import compiler

source = """
#include <cooperative_groups.h>
#include <cuda_fp16.h>

extern "C" __global__ void twice(float *x) { x[threadIdx.x] *= 2; }
"""
options = core.assemble_cupy_compiler_options(("-dlto",))
# To LTO IR: for anything else it asks the GPU.
code, _ = compiler.compile_using_nvrtc(source, options, "86", method="lto")
assert code
