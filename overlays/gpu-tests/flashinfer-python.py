"""Attention of one new token against torch's."""

modules = ["torch", "flashinfer"]


def test():
    import flashinfer
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    torch.manual_seed(0)
    # Heads, width; sequence, heads, width.
    q = torch.randn(8, 128, device="cuda", dtype=torch.float16)
    k, v = (torch.randn(100, 8, 128, device="cuda", dtype=torch.float16) for _ in range(2))
    expected = scaled_dot_product_attention(
        q.float().cpu().unsqueeze(1), *(part.float().cpu().transpose(0, 1) for part in (k, v))
    ).squeeze(1)
    out = flashinfer.single_decode_with_kv_cache(q, k, v)
    torch.testing.assert_close(out.float().cpu(), expected, rtol=2e-2, atol=2e-2)
