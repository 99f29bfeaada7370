"""Archives written entry by entry, with every field as it is asked for: liars among them."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ccnet_edge.device.bundle.listing import _sum
from ccnet_edge.device.bundle.tars import tar_bytes
from ccnet_edge.device.bundle.zips import REGULAR_FILE, zip_bytes
from ccnet_edge.spec.bundle import MANIFEST, SUMS

Change = Callable[[dict[str, Any]], object]
SYMLINK, FIFO = 0o120777 << 16, 0o010644 << 16


def members(archive: Path) -> dict[str, bytes]:
    """The files of a zip."""
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def rewritten(
    files: Mapping[str, bytes], change: Change | None = None, *, manifest: bytes | None = None
) -> dict[str, bytes]:
    """The files with another manifest, whose hash is written anew: nobody signed it."""
    if manifest is None:
        data = json.loads(files[MANIFEST])
        assert change is not None
        change(data)
        manifest = json.dumps(data).encode()
    listed = {name: content for name, content in files.items() if name != SUMS}
    hashes = {
        name: hashlib.sha256(content).hexdigest()
        for name, content in {**listed, MANIFEST: manifest}.items()
    }
    sums = "".join(_sum(hashes[name], name) for name in sorted(hashes))
    return {**files, MANIFEST: manifest, SUMS: sums.encode()}


def replaced(files: Mapping[str, bytes], content: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files with others in their place, and a manifest that says so."""
    new = {**files, **content}

    def change(manifest: dict[str, Any]) -> None:
        for entry in [*manifest["files"], manifest["artifact"]]:
            body = new[entry["file"]]
            entry.update(size_bytes=len(body), sha256=hashlib.sha256(body).hexdigest())

    return rewritten(new, change)


@dataclass
class ZipEntry:
    """An entry of a zip; `local` and `central` are fields that one of its headers has alone."""

    name: bytes
    content: bytes = b""
    attributes: int = REGULAR_FILE
    local: dict[str, int | bytes] = field(default_factory=dict)
    central: dict[str, int | bytes] = field(default_factory=dict)
    offset: int | None = None


def raw_zip(
    entries: Sequence[ZipEntry],
    *,
    before: bytes = b"",
    between: bytes = b"",
    after: bytes = b"",
    end: Mapping[str, int] | None = None,
) -> bytes:
    """A zip of `entries` in their order, with stray bytes and another end record where asked."""
    body, directory = bytearray(before), bytearray()
    for entry in entries:
        at = len(body) if entry.offset is None else entry.offset
        plain: dict[str, Any] = {
            "version": 20, "flags": 0, "method": 0, "time": 0, "date": 33,
            "crc": zlib.crc32(entry.content), "packed": len(entry.content),
            "size": len(entry.content), "extra": b"", "comment": b"", "name": entry.name,
        }  # fmt: skip
        one = {**plain, **entry.local}
        if entry.offset is None:
            body += struct.pack(
                "<4s5H3I2H", b"PK\x03\x04", *(one[k] for k in _COMMON),
                len(one["name"]), len(one["extra"]),
            ) + one["name"] + one["extra"] + entry.content + between  # fmt: skip
        two = {**plain, **entry.central}
        directory += struct.pack(
            "<4s6H3I5H2I", b"PK\x01\x02", 3 << 8 | 20, *(two[k] for k in _COMMON),
            len(two["name"]), len(two["extra"]), len(two["comment"]), 0, 0, entry.attributes, at,
        ) + two["name"] + two["extra"] + two["comment"]  # fmt: skip
    last = {"count": len(entries), "length": len(directory), "offset": len(body), "comment": 0}
    last |= end or {}
    tail = struct.pack(
        "<4s4H2IH", b"PK\x05\x06", 0, 0, last["count"], last["count"], last["length"],
        last["offset"], last["comment"],
    )  # fmt: skip
    return bytes(body + directory + tail) + after


_COMMON = ("version", "flags", "method", "time", "date", "crc", "packed", "size")


def zip_entries(files: Mapping[str, bytes]) -> list[ZipEntry]:
    """The entries of the zip that `package` writes."""
    return [ZipEntry(name.encode(), files[name]) for name in sorted(files)]


def raw_tar(
    files: Mapping[str, bytes],
    *extra: tarfile.TarInfo,
    form: int = tarfile.USTAR_FORMAT,
) -> bytes:
    """The tar that `package` writes, with empty entries behind it as Python's tarfile has them."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
        for info in extra:
            archive.addfile(info)
    # Python pads to 20 blocks; `package` ends with two.
    body = stream.getvalue().rstrip(b"\0")
    return tar_bytes(files)[:-1024] + body + bytes(-len(body) % 512 + 1024)


def tar_entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    """An entry of a tar."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def pack(archive: Path, files: Mapping[str, bytes]) -> Path:
    """Write `files` as the zip that `package` would write."""
    archive.write_bytes(zip_bytes(files))
    return archive
