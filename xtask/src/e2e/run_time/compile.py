"""torch.compile, for the CPU."""

import torch


def wave(x):
    return x.sin() + x.cos() * 2


x = torch.arange(1000.0)
torch.testing.assert_close(torch.compile(wave)(x), wave(x))
