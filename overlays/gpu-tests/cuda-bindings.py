"""Adds a number to a vector with a kernel that the driver compiles."""

modules = ["cuda.bindings.driver"]

PTX = b"""
.version 6.0
.target sm_30
.address_size 64
.visible .entry add(.param .u64 vector, .param .f32 number, .param .u32 count)
{
  .reg .pred %p;
  .reg .f32 %f<3>;
  .reg .b32 %r<5>;
  .reg .b64 %d<4>;
  mov.u32 %r0, %ctaid.x;
  mov.u32 %r1, %ntid.x;
  mov.u32 %r2, %tid.x;
  mad.lo.u32 %r3, %r0, %r1, %r2;
  ld.param.u32 %r4, [count];
  setp.ge.u32 %p, %r3, %r4;
  @%p bra done;
  ld.param.u64 %d0, [vector];
  cvta.to.global.u64 %d1, %d0;
  mul.wide.u32 %d2, %r3, 4;
  add.u64 %d3, %d1, %d2;
  ld.global.f32 %f0, [%d3];
  ld.param.f32 %f1, [number];
  add.f32 %f2, %f0, %f1;
  st.global.f32 [%d3], %f2;
done:
  ret;
}
\0"""


def test():
    import array
    import ctypes

    from cuda.bindings import driver

    def call(function, *arguments):
        status, *results = function(*arguments)
        assert status == driver.CUresult.CUDA_SUCCESS, f"{function.__name__} gives {status}"
        return results[0] if results else None

    call(driver.cuInit, 0)
    device = call(driver.cuDeviceGet, 0)
    call(driver.cuCtxSetCurrent, call(driver.cuDevicePrimaryCtxRetain, device))
    kernel = call(driver.cuModuleGetFunction, call(driver.cuModuleLoadData, PTX), b"add")
    vector, out = array.array("f", range(1000)), array.array("f", [0] * 1000)
    size = len(vector) * vector.itemsize
    memory = call(driver.cuMemAlloc, size)
    call(driver.cuMemcpyHtoD, memory, vector.buffer_info()[0], size)
    arguments = (int(memory), 0.5, len(vector)), (ctypes.c_uint64, ctypes.c_float, ctypes.c_uint32)
    call(driver.cuLaunchKernel, kernel, 8, 1, 1, 128, 1, 1, 0, 0, arguments, 0)
    call(driver.cuMemcpyDtoH, out.buffer_info()[0], memory, size)
    call(driver.cuMemFree, memory)
    assert list(out) == [number + 0.5 for number in vector], list(out)[:8]
