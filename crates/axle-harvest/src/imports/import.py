"""Imports modules of an installed distribution one after the other, and writes what went wrong with the first that
fails."""

import importlib
import importlib.metadata
import json
import os
import sys

# Folders at the top of wheels that nobody imports.
NO_MODULES = {
    *("benchmarks", "bin", "docs", "examples", "include", "lib", "scripts", "share", "test", "tests", "tools"),
}


def modules_of(distribution):
    """The module that is called as the distribution is, or else every public one at the top of its wheel."""
    tops = set()
    for path in importlib.metadata.files(distribution) or ():
        top, name = path.parts[0], path.name
        if not name.endswith((".py", ".so")) or (len(path.parts) == 2 and name != "__init__.py"):
            continue
        module = top.split(".")[0] if len(path.parts) == 1 else top
        if module.isidentifier() and not module.startswith("_") and module not in NO_MODULES:
            tops.add(module)
    own = distribution.replace("-", "_")
    return [name for name in tops if name.lower() == own] or sorted(tops)


def chain(error):
    """The error and what led to it, the last first."""
    errors = []
    while error is not None and len(errors) < 8:
        name = getattr(error, "name", None)
        errors.append(
            {
                "kind": type(error).__name__,
                "message": str(error),
                "module": name if isinstance(error, ImportError) and isinstance(name, str) else None,
            }
        )
        hidden = None if error.__suppress_context__ else error.__context__
        error = error.__cause__ or hidden
    return errors


def write(path, value):
    with open(path, "w", encoding="utf-8", errors="replace") as file:
        json.dump(value, file)


def main(path, distribution, *modules):
    modules = modules or modules_of(distribution)
    write(path, {"modules": modules, "errors": None})
    errors = []
    for module in modules:
        try:
            importlib.import_module(module)
        except BaseException as error:
            errors = chain(error)
            break
    write(path, {"modules": modules, "errors": errors})
    # What was imported may not survive its own end.
    os._exit(0)


main(*sys.argv[1:])
