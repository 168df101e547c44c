"""Adds two vectors with a kernel that is compiled here."""

modules = ["torch", "triton"]

import triton
import triton.language as tl


@triton.jit
def add(x, y, out, count, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < count
    tl.store(out + at, tl.load(x + at, mask=inside) + tl.load(y + at, mask=inside), mask=inside)


def test():
    import torch

    torch.manual_seed(0)
    count = 98432
    x, y = torch.randn(count, device="cuda"), torch.randn(count, device="cuda")
    out = torch.empty_like(x)
    add[(triton.cdiv(count, 1024),)](x, y, out, count, BLOCK=1024)
    torch.testing.assert_close(out.cpu(), x.cpu() + y.cpu())
