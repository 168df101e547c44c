"""Multiplies with weights of eight bits, and compares with what the same layer gives before."""

modules = ["torch", "torchao"]


def test():
    import torch
    from torchao import quantization

    # Its name until 0.9.
    config = getattr(quantization, "Int8WeightOnlyConfig", None) or quantization.int8_weight_only
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(256, 256, bias=False)).cuda().to(torch.bfloat16)
    values = torch.randn(32, 256, device="cuda", dtype=torch.bfloat16)
    with torch.no_grad():
        expected = model(values)
        quantization.quantize_(model, config())
        given = model(values)
    difference = (given - expected).abs().max() / expected.abs().max()
    assert difference < 0.05, f"differs by {difference:.3f}"
