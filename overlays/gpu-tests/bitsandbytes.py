"""Four-bit and eight-bit numbers, there and back, and a layer of eight-bit weights."""

modules = ["torch", "bitsandbytes"]


def test():
    import bitsandbytes
    import torch
    from bitsandbytes.functional import dequantize_4bit, dequantize_blockwise, quantize_4bit, quantize_blockwise

    torch.manual_seed(0)
    matrix = torch.randn(256, 256, device="cuda")
    four = dequantize_4bit(*quantize_4bit(matrix, quant_type="nf4"))
    eight = dequantize_blockwise(*quantize_blockwise(matrix))
    for name, back, most in [("four bits", four, 0.1), ("eight bits", eight, 0.02)]:
        error = (back - matrix).abs().mean().item()
        assert 0 < error < most, f"{name}: the mean error is {error}"

    layer = torch.nn.Linear(256, 64)
    quantized = bitsandbytes.nn.Linear8bitLt(256, 64, has_fp16_weights=False)
    quantized.load_state_dict(layer.state_dict())
    x = torch.randn(16, 256)
    out = quantized.cuda()(x.half().cuda()).float().cpu()
    error = (out - layer(x)).abs().mean().item()
    assert error < 0.05, f"a layer of eight bits: the mean error is {error}"
