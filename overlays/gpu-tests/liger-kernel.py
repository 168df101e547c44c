"""A normalisation in Triton against its definition."""

modules = ["torch", "liger_kernel"]


def test():
    import torch
    from liger_kernel.transformers import LigerRMSNorm

    torch.manual_seed(0)
    layer = LigerRMSNorm(512, eps=1e-6).cuda()
    torch.nn.init.normal_(layer.weight)
    x = torch.randn(7, 512)
    expected = x * torch.rsqrt(x.pow(2).mean(dim=1, keepdim=True) + 1e-6) * layer.weight.detach().cpu()
    torch.testing.assert_close(layer(x.cuda()).detach().cpu(), expected, rtol=1e-3, atol=1e-3)
