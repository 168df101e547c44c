"""Suppresses boxes, and pools regions of an image, on the GPU and on the CPU."""

modules = ["torchvision"]


def test():
    import torch
    from torchvision.ops import nms, roi_align

    torch.manual_seed(0)
    corners = torch.rand(500, 2) * 40
    boxes = torch.cat([corners, corners + 1 + torch.rand(500, 2) * 20], dim=1)
    scores = torch.rand(500)
    kept = nms(boxes, scores, 0.5)
    assert 0 < len(kept) < 500
    torch.testing.assert_close(nms(boxes.cuda(), scores.cuda(), 0.5).cpu(), kept)

    image, regions = torch.randn(1, 4, 64, 64), [boxes[:20]]
    on_gpu = roi_align(image.cuda(), [regions[0].cuda()], output_size=7)
    torch.testing.assert_close(on_gpu.cpu(), roi_align(image, regions, output_size=7), rtol=1e-3, atol=1e-3)
