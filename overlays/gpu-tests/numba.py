"""Adds two vectors with a kernel that is compiled here."""

modules = ["numpy", "numba", "numba.cuda"]

from numba import cuda


@cuda.jit
def add(x, y, out):
    at = cuda.grid(1)
    if at < out.size:
        out[at] = x[at] + y[at]


def test():
    import numpy

    random = numpy.random.default_rng(0)
    x, y = random.standard_normal(10000), random.standard_normal(10000)
    out = numpy.zeros_like(x)
    add[40, 256](x, y, out)
    numpy.testing.assert_allclose(out, x + y)
