"""The GPU driver's folder for what opens the driver's libraries by name through ctypes.

A copy of this lies beside each package that does; the first one that is imported changes ctypes, and only for names of
the driver's libraries. The loader is asked first: LD_LIBRARY_PATH, and what is loaded already, come before the folder.
"""

FOLDER = "@folder@"
# Each without its version.
LIBRARIES = frozenset("@libraries@".split())


def install():
    try:
        import ctypes
        import ctypes.util
    except ImportError:
        return
    import glob
    import os

    if hasattr(ctypes, "_axle_driver"):
        return
    plain_dlopen, plain_find_library = ctypes._dlopen, ctypes.util.find_library

    def preferred():
        return [folder for folder in os.environ.get("LD_LIBRARY_PATH", "").split(":") if folder]

    def files(folders, library):
        """The names of the files of a library in folders, whatever version they name, the shortest first."""
        found = {name for folder in folders for name in glob.glob(library + "*", root_dir=folder)}
        return sorted(found, key=lambda name: (len(name), name))

    def dlopen(name, *mode):
        try:
            return plain_dlopen(name, *mode)
        except OSError:
            library = os.fsdecode(name).partition(".so")[0] + ".so" if name else ""
            if library not in LIBRARIES or files(preferred(), library):
                raise
            path = os.path.join(FOLDER, os.fsdecode(name))
            if not os.path.exists(path):
                raise
        return plain_dlopen(path, *mode)

    def find_library(name):
        library = f"lib{name}.so"
        if (there := plain_find_library(name)) is not None or library not in LIBRARIES:
            return there
        return next(iter(files([*preferred(), FOLDER], library + ".")), None)

    ctypes._axle_driver = FOLDER
    ctypes._dlopen = dlopen
    ctypes.util.find_library = find_library


install()
del install
