"""Run by the Python of a torch environment as `python -I`; its findings are the answer, as JSON.

Its arguments are modules to import besides torch.
"""

import ctypes
import glob
import importlib.util
import json
import os
import struct
import subprocess
import sys
import tempfile

import torch

# Some packages say something when they are imported (deepspeed): not in the answer.
answer = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def mapped(process):
    """The libraries in a process."""
    with open(f"/proc/{process}/maps") as maps:
        return sorted({line.split(maxsplit=5)[5].strip() for line in maps if ".so" in line})


def loader(path):
    """The loader that an ELF file names, or nothing."""
    with open(path, "rb") as file:
        head = file.read(64)
        if head[:5] != b"\x7fELF\x02":
            return None
        offset, size, count = struct.unpack_from("<Q", head, 32)[0], *struct.unpack_from("<HH", head, 54)
        file.seek(offset)
        for segment in [file.read(size) for _ in range(count)]:
            if len(segment) == size and struct.unpack_from("<I", segment)[0] == 3:
                start, length = struct.unpack_from("<Q", segment, 8)[0], struct.unpack_from("<Q", segment, 32)[0]
                file.seek(start)
                return file.read(length).rstrip(b"\0").decode()
    return None


def foreign_loaders():
    """ELF files of the environment's builds whose loader is not of the store."""
    found = []
    for folder in sys.path:
        for directory, _, names in os.walk(folder, followlinks=True):
            for name in names:
                path = os.path.realpath(os.path.join(directory, name))
                if path.startswith("/nix/store/") and os.path.isfile(path):
                    named = loader(path)
                    if named is not None and not named.startswith("/nix/store/"):
                        found.append(f"{path} ({named})")
    return sorted(set(found))


def kernel_by_nvrtc():
    """The size of a kernel that NVRTC, as torch loads it, has compiled; nothing without CUDA."""
    libraries = [path for path in mapped("self") if "/libnvrtc.so" in path]
    pattern = "nvidia/*/lib/libnvrtc.so.*"
    libraries += [found for folder in sys.path for found in glob.glob(os.path.join(folder, pattern))]
    if not libraries:
        return None
    nvrtc = ctypes.CDLL(libraries[0])
    program, size = ctypes.c_void_p(), ctypes.c_size_t()
    source = b'extern "C" __global__ void one(float *x) { *x = 1; }'
    option = (ctypes.c_char_p * 1)(b"--gpu-architecture=sm_80")
    for status in [
        nvrtc.nvrtcCreateProgram(ctypes.byref(program), source, b"one.cu", 0, None, None),
        nvrtc.nvrtcCompileProgram(program, 1, option),
        nvrtc.nvrtcGetCUBINSize(program, ctypes.byref(size)),
    ]:
        assert status == 0, f"NVRTC answers {status}"
    return size.value


def kernel_by_triton():
    """The size of a kernel that triton has compiled down to the GPU's code, by its ptxas."""
    import triton
    import triton.language as tl
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    folder = tempfile.mkdtemp()
    os.environ["TRITON_CACHE_DIR"] = folder
    # A JIT reads the source of its function.
    path = os.path.join(folder, "kernel.py")
    with open(path, "w") as file:
        file.write(
            "import triton\nimport triton.language as tl\n\n\n@triton.jit\ndef kernel(x, n):\n"
            "    tl.store(x + tl.program_id(0), n)\n"
        )
    specification = importlib.util.spec_from_file_location("kernel", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    source = ASTSource(fn=module.kernel, signature={"x": "*i32", "n": "i32"}, constexprs={})
    compiled = triton.compile(source, target=GPUTarget("cuda", 80, 32))
    return len(compiled.asm["cubin"])


def launcher_by_triton():
    """A module that triton has compiled as it compiles what launches a kernel."""
    try:
        from triton.runtime.build import compile_module_from_src
    except ImportError:
        # Until 3.3.
        from triton.backends.nvidia.driver import compile_module_from_src

    source = """
        #include <Python.h>
        static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "launcher", NULL, -1, NULL};
        PyMODINIT_FUNC PyInit_launcher(void) { return PyModule_Create(&module); }
    """
    return compile_module_from_src(source, "launcher").__name__


def mapped_by_ptxas():
    """The libraries in triton's ptxas while it waits for its input."""
    import triton

    found = glob.glob(os.path.join(os.path.dirname(triton.__file__), "**/bin/ptxas"), recursive=True)
    with tempfile.TemporaryDirectory() as folder:
        pipe = os.path.join(folder, "pipe.ptx")
        os.mkfifo(pipe)
        process = subprocess.Popen(
            [found[0], "-arch=sm_80", pipe, "-o", os.path.join(folder, "out")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        # It opens its input when all of its libraries are there.
        writer = os.open(pipe, os.O_WRONLY)
        libraries = mapped(process.pid)
        os.close(writer)
        process.wait()
    return libraries


def modules():
    """The files of all modules that were imported so far."""
    return {module.__file__ for module in list(sys.modules.values()) if getattr(module, "__file__", None)}


def is_written_by_torch(path):
    """Whether a file or folder is of what torch.distributed writes for itself when it is imported."""
    instantiator = sys.modules.get("torch.distributed.nn.jit.instantiator")
    # Not every torch has it.
    folder = getattr(instantiator, "INSTANTIATED_TEMPLATE_DIR_PATH", None)
    return folder is not None and (path == folder or path.startswith(folder + "/"))


product = torch.arange(6.0).reshape(2, 3) @ torch.ones(3, 2)
imported = [importlib.import_module(name).__name__ for name in sys.argv[1:]]
with_cuda = torch.version.cuda is not None

answer.write(
    json.dumps(
        {
            "torch": torch.__version__,
            "file": torch.__file__,
            "cuda": torch.version.cuda,
            "flags": torch._C._cuda_getArchFlags().split() if with_cuda else [],
            "product": product.tolist(),
            "imported": imported,
            "nvrtc": kernel_by_nvrtc() if with_cuda else None,
            "triton": kernel_by_triton() if with_cuda else None,
            "path": [path for path in sys.path if not is_written_by_torch(path)],
            "modules": sorted(path for path in modules() if not is_written_by_torch(path)),
            "mapped": mapped("self") + (mapped_by_ptxas() if with_cuda else []),
            "loaders": foreign_loaders(),
            # The last, for it is a library outside of the store.
            "launcher": launcher_by_triton() if with_cuda else None,
        }
    )
)
