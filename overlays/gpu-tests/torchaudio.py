"""The loss of a transducer and a spectrogram, on the GPU and on the CPU."""

modules = ["torchaudio"]


def test():
    import torch
    from torchaudio.functional import rnnt_loss
    from torchaudio.transforms import Spectrogram

    torch.manual_seed(0)
    logits = torch.randn(2, 10, 5, 8)
    targets = torch.randint(1, 7, (2, 4), dtype=torch.int32)
    frames = torch.tensor([10, 8], dtype=torch.int32)
    lengths = torch.tensor([4, 3], dtype=torch.int32)
    arguments = [logits, targets, frames, lengths]
    on_gpu = rnnt_loss(*[argument.cuda() for argument in arguments])
    torch.testing.assert_close(on_gpu.cpu(), rnnt_loss(*arguments), rtol=1e-3, atol=1e-3)

    wave = torch.randn(1, 16000)
    torch.testing.assert_close(Spectrogram().cuda()(wave.cuda()).cpu(), Spectrogram()(wave), rtol=1e-3, atol=1e-3)
