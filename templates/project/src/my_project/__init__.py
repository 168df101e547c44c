"""Says what it would train on."""

import torch


def main():
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "the CPU"
    print(f"torch {torch.__version__} on {device}")
