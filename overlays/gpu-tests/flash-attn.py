"""Causal attention of flash-attn, and its gradient, against torch's."""

modules = ["torch", "flash_attn"]


def test():
    import torch
    from flash_attn import flash_attn_func
    from torch.nn.functional import scaled_dot_product_attention

    torch.manual_seed(0)
    # Batch, sequence, heads, width.
    parts = [torch.randn(2, 128, 4, 64, device="cuda", dtype=torch.float16, requires_grad=True) for _ in range(3)]
    reference = [part.detach().float().cpu().requires_grad_() for part in parts]
    expected = scaled_dot_product_attention(*(part.transpose(1, 2) for part in reference), is_causal=True).transpose(1, 2)
    out = flash_attn_func(*parts, causal=True)
    torch.testing.assert_close(out.float().cpu(), expected, rtol=2e-2, atol=2e-2)

    direction = torch.randn_like(expected)
    expected.backward(direction)
    out.backward(direction.half().cuda())
    for part, same in zip(parts, reference):
        torch.testing.assert_close(part.grad.float().cpu(), same.grad, rtol=5e-2, atol=5e-2)
