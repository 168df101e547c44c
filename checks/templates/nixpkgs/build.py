"""Builds a project by PEP 517 and installs its wheel, as nixpkgs' hooks do.

usage: build.py SOURCE SITE-PACKAGES BIN SEARCH-PATH
"""

import configparser
import glob
import importlib
import os
import sys
import tomllib
import zipfile

source, site, programs, path = sys.argv[1:]
os.chdir(source)
with open("pyproject.toml", "rb") as file:
    backend = importlib.import_module(tomllib.load(file)["build-system"]["build-backend"])
zipfile.ZipFile(os.path.join("..", backend.build_wheel(".."))).extractall(site)

for file in glob.glob(os.path.join(site, "*.dist-info", "entry_points.txt")):
    entries = configparser.ConfigParser(delimiters="=", interpolation=None)
    entries.read(file)
    os.makedirs(programs, exist_ok=True)
    for name, target in entries["console_scripts"].items():
        module, function = target.split(":")
        with open(os.path.join(programs, name), "w") as program:
            program.write(
                f"#!{sys.executable}\nimport site, sys\n"
                f"for folder in {path.split(':')!r}: site.addsitedir(folder)\n"
                f"import {module}; sys.exit({module}.{function}())\n"
            )
        os.chmod(program.name, 0o755)
