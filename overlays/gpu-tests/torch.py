"""Computes on the GPU what the CPU computes, with a library of CUDA in each line."""

modules = ["torch"]


def test():
    import torch

    torch.manual_seed(0)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    matrix, other = torch.randn(256, 256), torch.randn(256, 256)
    image, filters = torch.randn(2, 3, 64, 64), torch.randn(8, 3, 5, 5)
    definite = matrix @ matrix.T + 256 * torch.eye(256)
    computations = {
        "cuBLAS": (torch.matmul, matrix, other),
        "cuDNN": (torch.nn.functional.conv2d, image, filters),
        "cuFFT": (lambda x: torch.fft.fft2(x).abs(), image),
        "cuSOLVER": (torch.linalg.solve, definite, other),
        "cuSPARSE": (lambda x, y: torch.sparse.mm(x.relu().to_sparse_csr(), y), matrix, other),
        "its own kernels": (lambda x: torch.softmax(x, dim=1).cumsum(dim=0), matrix),
    }
    for name, (compute, *arguments) in computations.items():
        on_gpu = compute(*[argument.cuda() for argument in arguments])
        assert on_gpu.is_cuda, name
        torch.testing.assert_close(
            on_gpu.cpu(), compute(*arguments), rtol=1e-3, atol=1e-3, msg=lambda message: f"{name}: {message}"
        )
