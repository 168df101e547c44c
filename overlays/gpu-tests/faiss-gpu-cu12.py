"""The nearest vectors, searched on the GPU and on the CPU."""

modules = ["numpy", "faiss"]


def test():
    import faiss
    import numpy

    random = numpy.random.default_rng(0)
    vectors, queries = random.random((2000, 32), numpy.float32), random.random((50, 32), numpy.float32)
    on_cpu = faiss.IndexFlatL2(32)
    on_cpu.add(vectors)
    on_gpu = faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), 0, on_cpu)
    (distances, found), (expected, same) = on_gpu.search(queries, 5), on_cpu.search(queries, 5)
    numpy.testing.assert_array_equal(found, same)
    numpy.testing.assert_allclose(distances, expected, rtol=1e-3, atol=1e-4)
