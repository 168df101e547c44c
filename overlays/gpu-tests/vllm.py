"""A kernel of vLLM's own against its definition."""

modules = ["torch", "vllm"]


def test():
    import torch
    from vllm import _custom_ops

    torch.manual_seed(0)
    x, weight = torch.randn(7, 512), torch.randn(512)
    expected = x * torch.rsqrt(x.pow(2).mean(dim=1, keepdim=True) + 1e-6) * weight
    out = torch.empty(7, 512, device="cuda", dtype=torch.float16)
    _custom_ops.rms_norm(out, x.half().cuda(), weight.half().cuda(), 1e-6)
    torch.testing.assert_close(out.float().cpu(), expected, rtol=2e-2, atol=2e-2)
