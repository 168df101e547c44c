"""Writes an image of one layer: the interpreter of scripts that hold its description and the paths of its closure."""

import hashlib
import io
import json
import sys
import tarfile

with open(sys.argv[1]) as script:
    _, description, *closure = script.read().splitlines()
image = json.loads(description)


def add(archive, name, data):
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


layer = io.BytesIO()
with tarfile.open(fileobj=layer, mode="w") as archive:
    for path in closure:
        archive.add(path)
    with tarfile.open(image["root"]) as root:
        for member in root:
            archive.addfile(member, root.extractfile(member) if member.isreg() else None)
config = json.dumps({
    "architecture": "amd64",
    "os": "linux",
    "config": image["config"],
    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer.getvalue()).hexdigest()]},
}).encode()
with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as archive:
    add(archive, "layer.tar", layer.getvalue())
    add(archive, "config.json", config)
    add(archive, "manifest.json", json.dumps([
        {"Config": "config.json", "RepoTags": [image["name"]], "Layers": ["layer.tar"]}
    ]).encode())
