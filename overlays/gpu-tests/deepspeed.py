"""One step of training on one GPU, against the same step of torch on the CPU."""

modules = ["torch", "deepspeed"]


def test():
    import copy
    import os
    import tempfile

    import deepspeed
    import torch

    torch.manual_seed(0)
    model, x = torch.nn.Linear(32, 8), torch.randn(4, 32)
    alone = copy.deepcopy(model)
    optimizer = torch.optim.SGD(alone.parameters(), lr=0.1)
    alone(x).square().mean().backward()
    optimizer.step()

    os.environ.update(RANK="0", LOCAL_RANK="0", WORLD_SIZE="1")
    with tempfile.TemporaryDirectory() as folder:
        deepspeed.init_distributed(
            "nccl", auto_mpi_discovery=False, init_method=f"file://{folder}/meeting", rank=0, world_size=1
        )
        engine, *_ = deepspeed.initialize(
            model=model,
            optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
            config={"train_micro_batch_size_per_gpu": 4},
        )
        engine.backward(engine(x.to(engine.device)).square().mean())
        engine.step()
        assert engine.module.weight.is_cuda
        torch.testing.assert_close(engine.module.weight.detach().cpu(), alone.weight.detach(), rtol=1e-3, atol=1e-3)
        torch.distributed.destroy_process_group()
