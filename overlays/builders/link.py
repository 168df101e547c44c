"""Makes a python-level derivation: links builds into site-packages and writes what can only be written here.

Everything comes as JSON, so that no text of a wheel is ever part of a shell script. The fields of its one argument:

  out           the derivation's own path
  site          site-packages, from there
  interpreter   the interpreter that programs are run with
  folders       site-packages of all that is required, its own first
  world         what axle-world.json holds
  hook          the text of the setup hook
  propagated    what is propagated to builds and shells
  metadata      name to the high-level derivation's file
  parts         what is linked, each with `name` and
    build       a build of a wheel (its files are under wheel/), or
    output      the output of a package of the package set
    bytecode    of a build, its bytecode
    omit        of a build, what is left out
    preludes    of a build, what is changed: a `file`, with what is put `before` its code, and what it is to `replace`
  replaced      store paths that a linked output names, and what stands in their place
  versions      name to version of what an output finds in another version than it was built with
  packaging     site-packages of the library that reads requirements
"""

import ast
import configparser
import glob
import json
import os
import py_compile
import re
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    spec = json.load(file)
out = os.environ["out"]
site = os.path.join(out, spec["site"])
programs = os.path.join(out, "bin")


def fail(message):
    sys.exit("axle: " + message)


def link_tree(source, target, leave=()):
    """Links every file below one folder to the same place below another one; what comes later wins."""
    for folder, names, files in os.walk(source):
        below = os.path.relpath(folder, source)
        if below == ".":
            names[:] = [name for name in names if name not in leave]
        to = os.path.normpath(os.path.join(target, below))
        links = [name for name in names if os.path.islink(os.path.join(folder, name))]
        os.makedirs(to, exist_ok=True)
        for name in files + links:
            place = os.path.join(to, name)
            if os.path.lexists(place):
                os.remove(place)
            os.symlink(os.path.join(folder, name), place)


def remove(path):
    """Leaves a file out, and its bytecode, which would import it all the same."""
    place = os.path.normpath(os.path.join(site, path))
    if not place.startswith(site + os.sep):
        fail("a file that is left out lies outside of site-packages: " + path)
    folder, name = os.path.split(place)
    for found in [place, *glob.glob(glob.escape(os.path.join(folder, "__pycache__", name.removesuffix(".py"))) + ".*.pyc")]:
        if os.path.lexists(found):
            os.remove(found)


def write_program(name, text):
    os.makedirs(programs, exist_ok=True)
    path = os.path.join(programs, os.path.basename(name))
    if os.path.lexists(path):
        os.remove(path)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o755)


def write_scripts(dist_info, where):
    """The console scripts of a distribution. Each finds its own requirements, so that it runs from anywhere."""
    path = os.path.join(dist_info, "entry_points.txt")
    if not os.path.exists(path):
        return
    entries = configparser.ConfigParser(delimiters="=", interpolation=None, strict=False)
    entries.optionxform = str
    entries.read(path, encoding="utf-8")
    if not entries.has_section("console_scripts"):
        return
    for name, target in entries.items("console_scripts"):
        parts = re.fullmatch(r"([\w.]+)\s*:\s*([\w.]+)(\s*\[.*\])?", target)
        if not parts or not re.fullmatch(r"[\w.+-]+", name):
            fail(f"the console script {name!r} of {where} names {target!r}, which is not of the form module:attribute")
        write_program(name, f"""#!{spec["interpreter"]} -I
import importlib
import operator
import site
import sys

for folder in {spec["folders"]!r}:
    site.addsitedir(folder)
sys.argv[0] = sys.argv[0].removesuffix(".pyw")
sys.exit(operator.attrgetter({parts[2]!r})(importlib.import_module({parts[1]!r}))())
""")


def put_before(code, text):
    """Puts code before that of a module: after its docstring, and after what it takes from the future."""
    end = 0
    for at, statement in enumerate(ast.parse(text).body):
        is_docstring = at == 0 and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if not is_docstring and not (isinstance(statement, ast.ImportFrom) and statement.module == "__future__"):
            break
        end = statement.end_lineno
    lines = text.split("\n")
    return "\n".join([*lines[:end], code, *lines[end:]])


def change(name, file, before="", replace=()):
    """Changes a file of a package, and compiles it anew."""
    place = os.path.join(site, file)
    if not os.path.exists(place):
        return
    with open(place, encoding="utf-8") as source:
        text = source.read()
    for one in replace:
        if one["old"] not in text and not one.get("optional", False):
            fail(f"{file} of {name} does not hold `{one['old']}`, which is to be replaced: change overlays/layers/preludes.nix")
        text = text.replace(one["old"], one["new"])
    remove(file)
    with open(place, "w", encoding="utf-8") as target:
        target.write(put_before(before, text) if before else text)
    py_compile.compile(place, dfile="/" + os.path.relpath(place, out), doraise=True,
                       invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


def link_build(part):
    wheel = os.path.join(part["build"], "wheel")
    data = sorted(glob.glob(os.path.join(glob.escape(wheel), "*.data")))
    link_tree(wheel, site, leave=[os.path.basename(folder) for folder in data])
    for folder in data:
        for library in ["purelib", "platlib"]:
            if os.path.isdir(os.path.join(folder, library)):
                link_tree(os.path.join(folder, library), site)
        if os.path.isdir(os.path.join(folder, "data")):
            link_tree(os.path.join(folder, "data"), out)
    link_tree(part["bytecode"], site)
    for path in part["omit"]:
        remove(path)
    for prelude in part["preludes"]:
        change(part["name"], **prelude)
    for dist_info in glob.glob(os.path.join(glob.escape(wheel), "*.dist-info")):
        write_scripts(dist_info, part["name"])
    for path in sorted(glob.glob(os.path.join(glob.escape(wheel), "*.data", "scripts", "*"))):
        with open(path, "rb") as file:
            head = file.read(8)
        if head == b"#!python":
            # Installers put the interpreter in the place of this mark.
            with open(path, encoding="utf-8") as file:
                text = file.read()
            write_program(os.path.basename(path), re.sub(r"\A#!pythonw?", "#!" + spec["interpreter"], text))
        else:
            os.makedirs(programs, exist_ok=True)
            os.symlink(path, os.path.join(programs, os.path.basename(path)))


def in_place(text):
    """The same text with the paths of this world."""
    for old, new in spec["replaced"].items():
        text = text.replace(old, new)
    return text


def link_output(part):
    output = part["output"]
    link_tree(output, out, leave=["bin", "nix-support"])
    spec["replaced"][output] = out
    for path in sorted(glob.glob(os.path.join(glob.escape(output), "bin", "*")) + glob.glob(os.path.join(glob.escape(output), "bin", ".*"))):
        with open(path, "rb") as file:
            content = file.read()
        try:
            text = content.decode()
        except UnicodeDecodeError:
            os.makedirs(programs, exist_ok=True)
            os.symlink(path, os.path.join(programs, os.path.basename(path)))
        else:
            write_program(os.path.basename(path), in_place(text))
    for dist_info in glob.glob(os.path.join(glob.escape(os.path.join(output, spec["site"])), "*.dist-info")):
        check_requirements(os.path.join(dist_info, "METADATA"))


def check_requirements(path):
    """What the package says that it requires must be what this world has."""
    if not os.path.exists(path) or not spec["versions"]:
        return
    from email.parser import HeaderParser

    sys.path.insert(0, spec["packaging"])
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    with open(path, encoding="utf-8", errors="replace") as file:
        headers = HeaderParser().parse(file)
    for line in headers.get_all("Requires-Dist", []):
        try:
            required = Requirement(line)
        except InvalidRequirement:
            continue
        if required.marker is not None and not required.marker.evaluate({"extra": ""}):
            continue
        version = spec["versions"].get(canonicalize_name(required.name))
        if version is not None and not required.specifier.contains(version, prereleases=True):
            fail(f"{headers['Name']} {headers['Version']} of the package set requires {required.name}{required.specifier}, "
                 f"and this concretisation has {required.name} {version}: choose a torch whose set has another version of "
                 f"{required.name}, or lock both with `axle lock`")


os.makedirs(site)
support = os.path.join(out, "nix-support")
os.makedirs(os.path.join(support, "axle"))
for part in spec["parts"]:
    (link_build if "build" in part else link_output)(part)
for name, path in spec["metadata"].items():
    os.symlink(path, os.path.join(support, "axle", name + ".json"))
with open(os.path.join(site, "axle-world.json"), "w", encoding="utf-8") as file:
    json.dump(spec["world"], file, sort_keys=True)
with open(os.path.join(support, "setup-hook"), "w", encoding="utf-8") as file:
    file.write(spec["hook"])
with open(os.path.join(support, "propagated-build-inputs"), "w", encoding="utf-8") as file:
    file.write(" ".join(spec["propagated"]) + "\n")
# What C++ code looks for, where it looks for it.
for target, place in spec["development"].items():
    os.makedirs(os.path.dirname(os.path.join(out, place)), exist_ok=True)
    for path in sorted(glob.glob(os.path.join(glob.escape(site), target))):
        name = os.path.join(out, place, os.path.basename(path)) if place.endswith("/") else os.path.join(out, place)
        os.symlink(os.path.realpath(path), name)
