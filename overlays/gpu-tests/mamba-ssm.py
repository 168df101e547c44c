"""The selective scan against its definition, step by step."""

modules = ["torch"]


def test():
    import torch
    from mamba_ssm.ops.selective_scan_interface import selective_scan_fn

    torch.manual_seed(0)
    batch, channels, length, states = 2, 8, 64, 4
    u, delta = torch.randn(batch, channels, length), torch.rand(batch, channels, length)
    a = -torch.rand(channels, states)
    b, c = torch.randn(batch, states, length), torch.randn(batch, states, length)
    d = torch.randn(channels)

    state = torch.zeros(batch, channels, states)
    steps = []
    for t in range(length):
        decay = torch.exp(delta[:, :, t, None] * a)
        state = decay * state + (delta[:, :, t] * u[:, :, t])[:, :, None] * b[:, None, :, t]
        steps.append((state * c[:, None, :, t]).sum(dim=2) + d * u[:, :, t])
    expected = torch.stack(steps, dim=2)

    out = selective_scan_fn(*[part.cuda() for part in (u, delta, a, b, c, d)])
    torch.testing.assert_close(out.cpu(), expected, rtol=1e-3, atol=1e-3)
