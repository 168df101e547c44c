"""Compiles a kernel for this GPU, and adds a number to a vector with it."""

modules = ["cuda.core"]

CODE = 'extern "C" __global__ void add(float *v, float n, int c) { int i = blockIdx.x * blockDim.x + threadIdx.x; if (i < c) v[i] += n; }'


def test():
    import ctypes

    try:
        from cuda import core
        core.Device
    except (ImportError, AttributeError):
        # Its place until 1.0.
        from cuda.core import experimental as core

    device = core.Device()
    device.set_current()
    stream = device.create_stream()
    arch = "sm_%d%d" % tuple(device.compute_capability)
    program = core.Program(CODE, code_type="c++", options=core.ProgramOptions(arch=arch))
    kernel = program.compile("cubin").get_kernel("add")
    memory = core.LegacyPinnedMemoryResource().allocate(4 * 1000, stream=stream)
    vector = (ctypes.c_float * 1000).from_address(int(memory.handle))
    vector[:] = range(1000)
    config = core.LaunchConfig(grid=8, block=128)
    core.launch(stream, config, kernel, int(memory.handle), ctypes.c_float(0.5), ctypes.c_int(1000))
    stream.sync()
    assert list(vector) == [number + 0.5 for number in range(1000)], list(vector)[:8]
