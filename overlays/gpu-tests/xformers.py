"""Attention of xformers against torch's."""

modules = ["torch", "xformers"]


def test():
    import torch
    from torch.nn.functional import scaled_dot_product_attention
    from xformers.ops import memory_efficient_attention

    torch.manual_seed(0)
    # Batch, sequence, heads, width.
    q, k, v = (torch.randn(2, 128, 4, 64, device="cuda", dtype=torch.float16) for _ in range(3))
    expected = scaled_dot_product_attention(*(part.float().cpu().transpose(1, 2) for part in (q, k, v)))
    out = memory_efficient_attention(q, k, v)
    torch.testing.assert_close(out.float().cpu(), expected.transpose(1, 2), rtol=2e-2, atol=2e-2)
