"""A product and a convolution on the GPU and on the CPU."""

modules = ["tensorflow"]


def test():
    import numpy
    import tensorflow

    assert tensorflow.config.list_physical_devices("GPU"), "TensorFlow sees no GPU; its messages above say why"
    tensorflow.config.experimental.enable_tensor_float_32_execution(False)
    random = numpy.random.default_rng(0)
    matrix = random.standard_normal((256, 256)).astype("float32")
    image = random.standard_normal((1, 64, 64, 3)).astype("float32")
    filters = random.standard_normal((5, 5, 3, 8)).astype("float32")
    results = {}
    for device in ["/GPU:0", "/CPU:0"]:
        with tensorflow.device(device):
            product = tensorflow.matmul(matrix, matrix)
            convolved = tensorflow.nn.conv2d(image, filters, strides=1, padding="VALID")
            assert device.strip("/") in product.device, product.device
            results[device] = product.numpy(), convolved.numpy()
    for on_gpu, on_cpu in zip(*results.values()):
        numpy.testing.assert_allclose(on_gpu, on_cpu, rtol=1e-3, atol=1e-3)
