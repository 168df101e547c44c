"""A causal convolution against torch's, padded on the left."""

modules = ["torch", "causal_conv1d"]


def test():
    import torch
    from causal_conv1d import causal_conv1d_fn
    from torch.nn.functional import conv1d, silu

    torch.manual_seed(0)
    # Batch, channels, length; a filter of four for each channel.
    x, weight, bias = torch.randn(2, 64, 100), torch.randn(64, 4), torch.randn(64)
    expected = silu(conv1d(x, weight.unsqueeze(1), bias, padding=3, groups=64)[..., :100])
    out = causal_conv1d_fn(x.cuda(), weight.cuda(), bias.cuda(), activation="silu")
    torch.testing.assert_close(out.cpu(), expected, rtol=1e-3, atol=1e-3)
