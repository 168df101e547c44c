"""AOTInductor: a model becomes a package, which is loaded and gives what the model gives."""

import os
import tempfile

import torch

model = torch.nn.Sequential(torch.nn.Linear(16, 8), torch.nn.ReLU()).eval()
x = torch.randn(4, 16)
with torch.no_grad(), tempfile.TemporaryDirectory() as folder:
    exported = torch.export.export(model, (x,))
    package = os.path.join(folder, "model.pt2")
    if hasattr(torch._inductor, "aoti_compile_and_package"):
        compiled = torch._inductor.aoti_load_package(
            torch._inductor.aoti_compile_and_package(exported, package_path=package)
        )
    else:
        # Until 2.5 it is a library, not a package.
        compiled = torch._export.aot_load(torch._export.aot_compile(model, (x,)), "cpu")
    torch.testing.assert_close(compiled(x), model(x))
