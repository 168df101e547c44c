"""A small encoder with weights at random, on the GPU and on the CPU."""

modules = ["numpy", "ctranslate2"]


def save_model(folder):
    import ctranslate2
    import numpy

    random = numpy.random.default_rng(0)
    words, width = 16, 64
    encoder = ctranslate2.specs.TransformerEncoderSpec(num_layers=1, num_heads=4)
    norms = [encoder.layer_norm] + [part.layer_norm for layer in encoder.layer for part in (layer.self_attention, layer.ffn)]
    for norm in norms:
        norm.gamma, norm.beta = numpy.ones(width, numpy.float32), numpy.zeros(width, numpy.float32)

    def linear(spec, rows, columns):
        spec.weight = (random.standard_normal((rows, columns)) * 0.1).astype(numpy.float32)
        spec.bias = numpy.zeros(rows, numpy.float32)

    encoder.embeddings[0].weight = random.standard_normal((words, width)).astype(numpy.float32)
    encoder.position_encodings.encodings = random.standard_normal((32, width)).astype(numpy.float32)
    for layer in encoder.layer:
        linear(layer.self_attention.linear[0], 3 * width, width)
        linear(layer.self_attention.linear[1], width, width)
        linear(layer.ffn.linear_0, 4 * width, width)
        linear(layer.ffn.linear_1, width, 4 * width)

    spec = ctranslate2.specs.TransformerEncoderModelSpec(encoder)
    spec.register_vocabulary([f"word{number}" for number in range(words)])
    spec.validate()
    spec.optimize()
    spec.save(folder)


def encoded(folder, device):
    import ctranslate2
    import numpy

    output = ctranslate2.Encoder(folder, device=device, compute_type="float32").forward_batch([[1, 5, 9, 2]])
    return numpy.array(output.last_hidden_state.to_device(ctranslate2.Device.cpu))


def test(device="cuda"):
    import tempfile

    import numpy

    with tempfile.TemporaryDirectory() as folder:
        save_model(folder)
        numpy.testing.assert_allclose(encoded(folder, device), encoded(folder, "cpu"), rtol=1e-2, atol=1e-2)
