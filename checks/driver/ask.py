"""Asks packages for the devices where only the driver's folder has a driver, and looks where they opened it.

    python ask.py DRIVER PYTHON QUESTION... [--without PYTHON]

DRIVER has the driver's folder as `lib`, and another driver in `other`. Each of questions.py is asked in a process of its
own, with an empty environment: with the driver in its folder; with the other one where LD_LIBRARY_PATH says; and, of the
Python of an environment whose driver's folder is not there, without any.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

# Whose question is about another library than libcuda.
NVML = ("nvidia-ml-py", "torch-nvml", "vllm")


def ask(python, question, expected, variables):
    """Where the driver's libraries were opened, the libraries by name without versions."""
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "log")
        subprocess.run(
            [python, "-I", str(pathlib.Path(__file__).with_name("questions.py")), question, expected],
            check=True,
            env={"AXLE_FAKE_DRIVER_LOG": log, "HOME": folder, **variables},
        )
        paths = open(log).read().split() if os.path.exists(log) else []
    return {path.partition(".so")[0] + ".so" for path in paths}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("driver")
    parser.add_argument("python")
    parser.add_argument("questions", nargs="+")
    parser.add_argument("--without")
    arguments = parser.parse_args()
    failed = 0
    for question in arguments.questions:
        library = "libnvidia-ml.so" if question in NVML else "libcuda.so"
        cases = [
            ("the driver's folder", arguments.python, "found", {}, "lib"),
            ("LD_LIBRARY_PATH", arguments.python, "found", {"LD_LIBRARY_PATH": f"{arguments.driver}/other"}, "other"),
        ]
        if arguments.without:
            cases.append(("no driver", arguments.without, "missing", {}, None))
        for case, python, expected, variables, folder in cases:
            try:
                opened = ask(python, question, expected, variables)
            except subprocess.CalledProcessError as error:
                problem = f"the question ends with {error.returncode}"
            else:
                there = {f"{arguments.driver}/{folder}/{library}"} if folder else set()
                strange = {path for path in opened if os.path.dirname(path) != f"{arguments.driver}/{folder}"}
                problem = None if there <= opened and not strange else f"opened {sorted(opened) or 'nothing'}"
            failed += problem is not None
            print(f"FAILED  {question}, {case}: {problem}" if problem else f"ok      {question}, {case}", flush=True)
    return failed != 0


sys.exit(main())
