"""Run by the Python of a torch environment as `python -I`; its findings are the answer, as JSON."""

import json
import sys

import torch

with open("/proc/self/maps") as maps:
    mapped = sorted({line.split(maxsplit=5)[5].strip() for line in maps if ".so" in line})

product = torch.arange(6.0).reshape(2, 3) @ torch.ones(3, 2)

print(
    json.dumps(
        {
            "torch": torch.__version__,
            "file": torch.__file__,
            "cuda": torch.version.cuda,
            "flags": torch._C._cuda_getArchFlags().split(),
            "product": product.tolist(),
            "path": sys.path,
            "modules": sorted({module.__file__ for module in sys.modules.values() if getattr(module, "__file__", None)}),
            "mapped": mapped,
        }
    )
)
