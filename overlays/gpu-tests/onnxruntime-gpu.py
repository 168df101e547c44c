"""Runs a model of one product on the GPU."""

modules = ["numpy", "onnxruntime"]


def field(number, value):
    """A field of a protocol buffer: a number, or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))


def value_info(name, *shape):
    dimensions = b"".join(field(1, field(1, size)) for size in shape)
    tensor = field(1, 1) + field(2, dimensions)  # of floats
    return field(1, name) + field(2, field(1, tensor))


def model():
    """A ModelProto of ONNX: out = x @ y. No package that writes models is needed for it."""
    node = field(1, "x") + field(1, "y") + field(2, "out") + field(4, "MatMul")
    inputs = field(11, value_info("x", 64, 32)) + field(11, value_info("y", 32, 16))
    graph = field(1, node) + field(2, "product") + inputs + field(12, value_info("out", 64, 16))
    return field(1, 8) + field(7, graph) + field(8, field(2, 13))


def test(provider="CUDAExecutionProvider"):
    import numpy
    import onnxruntime

    session = onnxruntime.InferenceSession(model(), providers=[provider])
    assert session.get_providers()[0] == provider, f"it runs on {session.get_providers()}"
    random = numpy.random.default_rng(0)
    x, y = random.standard_normal((64, 32), numpy.float32), random.standard_normal((32, 16), numpy.float32)
    (out,) = session.run(None, {"x": x, "y": y})
    numpy.testing.assert_allclose(out, x @ y, rtol=1e-2, atol=1e-2)
