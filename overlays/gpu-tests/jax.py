"""A function that XLA compiles for the GPU, and its gradient, against NumPy."""

modules = ["numpy", "jax"]


def test():
    import jax
    import jax.numpy as jnp
    import numpy

    device = jax.devices("gpu")[0]
    random = numpy.random.default_rng(0)
    a, b = random.standard_normal((64, 64), numpy.float32), random.standard_normal((64, 64), numpy.float32)
    on_gpu = [jax.device_put(part, device) for part in (a, b)]

    @jax.jit
    def square(x, y):
        return (jnp.matmul(x, y, precision="highest") ** 2).sum()

    product = a @ b
    numpy.testing.assert_allclose(square(*on_gpu), (product**2).sum(), rtol=1e-4)
    numpy.testing.assert_allclose(jax.grad(square)(*on_gpu), 2 * product @ b.T, rtol=1e-2, atol=1e-2)
