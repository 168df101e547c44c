"""Opens the driver's libraries in the ways that are met.

    import ctypes  # in a text it is left to be one
"""
from __future__ import annotations

import os, ctypes
from ctypes import CDLL, c_int
from ctypes.util import (
    find_library,
)

import names


def late():
    if os: import ctypes.util as util
    return ctypes.CDLL(util.find_library("cuda"))


assert __doc__.startswith("Opens the driver's libraries") and annotations.compiler_flag
assert late.__code__.co_firstlineno == 16
CDLL("libnvidia-ml.so.1", mode=os.RTLD_NOW)
ctypes.cdll.LoadLibrary(names.DRIVER)
late()
assert find_library("nvidia-ml") == "libnvidia-ml.so.1"
assert find_library("nvcuvid") is None
for missing in ["libnvcuvid.so.1", "libaxle-none.so.1"]:
    try:
        CDLL(missing)
    except OSError as error:
        assert str(error) == f"{missing}: cannot open shared object file: No such file or directory", error
    else:
        raise AssertionError(missing)
assert CDLL(None)._name is None and isinstance(CDLL("libc.so.6").getpid(), int) and c_int
