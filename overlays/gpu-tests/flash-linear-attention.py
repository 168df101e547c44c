"""Linear attention in Triton against its definition."""

modules = ["torch"]


def test():
    import torch
    from fla.ops.linear_attn import chunk_linear_attn

    torch.manual_seed(0)
    # Batch, sequence, heads, width.
    q, k, v = (torch.randn(1, 128, 2, 32) * 0.3 for _ in range(3))
    scores = torch.einsum("bihd,bjhd->bhij", q, k) * 32**-0.5
    expected = torch.einsum("bhij,bjhd->bihd", scores.tril(), v)
    out, *_ = chunk_linear_attn(*(part.cuda() for part in (q, k, v)), normalize=False)
    torch.testing.assert_close(out.cpu(), expected, rtol=2e-2, atol=2e-2)
