"""A kernel of SGLang's own against its definition."""

modules = ["torch"]


def test():
    import sgl_kernel
    import torch

    torch.manual_seed(0)
    x, weight = torch.randn(7, 512), torch.randn(512)
    expected = x * torch.rsqrt(x.pow(2).mean(dim=1, keepdim=True) + 1e-6) * weight
    out = sgl_kernel.rmsnorm(x.half().cuda(), weight.half().cuda(), 1e-6)
    torch.testing.assert_close(out.float().cpu(), expected, rtol=2e-2, atol=2e-2)
