"""Run by `cargo xtask bench`: what Rust's library can't measure without `unsafe`. Answers in JSON.

run RUNS COMMAND...            the fewest seconds of several runs, and the most memory (KiB)
inflate RUNS FILE START SIZE   the fewest seconds that each library takes to inflate that part of a file
"""

import json
import os
import subprocess
import sys
import time


def run(runs, *command):
    seconds, peaks = [], []
    for _ in range(int(runs)):
        start = time.perf_counter()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        seconds.append(time.perf_counter() - start)
        peaks.append(usage.ru_maxrss)
        # axle answers 1 where a wheel has findings.
        if os.waitstatus_to_exitcode(status) not in (0, 1):
            sys.exit(f"{command[0]} failed")
    return {"seconds": min(seconds), "peak": max(peaks)}


def inflate(runs, path, start, size):
    from isal import igzip_lib
    from zlib_ng import zlib_ng

    def with_zlib_ng(pieces):
        decoder = zlib_ng.decompressobj(-15)
        return sum(len(decoder.decompress(piece)) for piece in pieces)

    def with_isal(pieces):
        decoder = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_DEFLATE)
        length = 0
        for piece in pieces:
            length += len(decoder.decompress(piece, 1 << 16))
            while not decoder.needs_input and not decoder.eof:
                length += len(decoder.decompress(b"", 1 << 16))
        return length

    def pieces():
        with open(path, "rb") as file:
            file.seek(int(start))
            left = int(size)
            while left:
                piece = file.read(min(left, 1 << 14))
                left -= len(piece)
                yield piece

    answer = {}
    for name, decode in {"zlib-ng": with_zlib_ng, "ISA-L": with_isal}.items():
        seconds = []
        for _ in range(int(runs)):
            begin = time.perf_counter()
            length = decode(pieces())
            seconds.append(time.perf_counter() - begin)
        answer[name] = {"seconds": min(seconds), "bytes": length}
    return answer


print(json.dumps({"run": run, "inflate": inflate}[sys.argv[1]](*sys.argv[2:])))
