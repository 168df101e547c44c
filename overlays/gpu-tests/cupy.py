"""Linear algebra, a transform and a kernel that is compiled here, against NumPy."""

modules = ["numpy", "cupy"]


def test():
    import cupy
    import numpy

    random = numpy.random.default_rng(0)
    a, b = random.standard_normal((256, 256)), random.standard_normal((256, 256))
    on_gpu = [cupy.asarray(a), cupy.asarray(b)]
    squared_difference = cupy.ElementwiseKernel("float64 x, float64 y", "float64 z", "z = (x - y) * (x - y)", "difference")
    for name, out, expected in [
        ("cuBLAS", on_gpu[0] @ on_gpu[1], a @ b),
        ("cuFFT", cupy.fft.fft(on_gpu[0]), numpy.fft.fft(a)),
        ("a kernel", squared_difference(*on_gpu), (a - b) ** 2),
    ]:
        numpy.testing.assert_allclose(out.get(), expected, rtol=1e-9, atol=1e-9, err_msg=name)
