"""A folder of hostile bundles: every way to lie that is known, made from one that is whole.

    python -m tests.device.hostile.samples BUNDLE.zip FOLDER

The same bundle gives the same samples; a sample's name says what is wrong with it.
"""

from __future__ import annotations

import sys
import tarfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

from ccnet_edge.device.bundle.oci import INDEX, ImageFacts, image_files
from ccnet_edge.device.bundle.tars import tar_bytes
from ccnet_edge.device.bundle.zips import zip_bytes
from ccnet_edge.spec.bundle import MANIFEST
from tests.device.hostile.crafting import (
    FIFO,
    SYMLINK,
    ZipEntry,
    members,
    raw_tar,
    raw_zip,
    tar_entry,
    zip_entries,
)

Members = Mapping[str, bytes]
NOT_PLAIN = "plain file name was wanted"
NOT_OURS = "as ccnet-edge packs it"
TWICE = "two files are named"
NAMES = {
    "parent": "../escaped",
    "parent-inside": "golden/../../escaped",
    "absolute": "/etc/cron.d/job",
    "drive": "C:/windows/system.ini",
    "backslash": "..\\escaped",
    "empty-part": "golden//image.png",
    "here": "./model.onnx",
    "folder": "golden/",
    "hidden": ".hidden",
    "nul": "model.onnx\0.txt",
    "accent": "café.onnx",
    "newline": "new\nline",
    "escape": "\x1b[2Jclear",
}


def zip_samples(files: Members) -> dict[str, tuple[bytes, str]]:
    """Name → hostile zip and what its refusal says."""
    whole = zip_bytes(files)
    plain = zip_entries(files)
    model = next(entry for entry in plain if entry.name == b"model.onnx")
    bomb = zlib.compress(bytes(10_000_000))[2:-4]

    def added(*entries: ZipEntry) -> bytes:
        return raw_zip([*plain, *entries])

    def lying(where: str, **fields: int | bytes) -> bytes:
        liar = ZipEntry(model.name, model.content)
        getattr(liar, where).update(fields)
        return raw_zip([liar if entry is model else entry for entry in plain])

    names = {
        f"name-{kind}": (added(ZipEntry(name.encode())), NOT_PLAIN) for kind, name in NAMES.items()
    }
    sizes = {"size": 3_000_000_000, "packed": 3_000_000_000}
    many = zip_bytes({**files, **{f"f{i}": b"" for i in range(200)}})
    first = len(zip_bytes({min(files): files[min(files)]}))
    return names | {
        "name-long": (added(ZipEntry(b"a" * 300)), NOT_PLAIN),
        "link": (added(ZipEntry(b"link", b"/etc/passwd", SYMLINK)), "is a link or special"),
        "fifo": (added(ZipEntry(b"pipe", b"", FIFO)), "is a link or special"),
        "twice": (added(ZipEntry(b"model.onnx", b"other")), TWICE),
        "twice-but-for-case": (added(ZipEntry(b"MODEL.onnx", b"other")), TWICE),
        "file-as-folder": (added(ZipEntry(b"model.onnx/x", b"other")), "inside a file"),
        "manifest-twice": (added(ZipEntry(MANIFEST.encode(), b"{}")), TWICE),
        "deflated-bomb": (
            added(ZipEntry(b"zz", bomb, central={"method": 8, "size": 10_000_000})),
            "zz is compressed",
        ),
        "sizes-differ": (lying("central", size=7), "has two sizes"),
        "larger-than-the-archive": (lying("central", **sizes), NOT_OURS),
        "encrypted": (lying("central", flags=1), "model.onnx is encrypted"),
        "streamed": (lying("central", flags=8), NOT_OURS),
        "local-name-differs": (lying("local", name=b"model.ONNX"), NOT_OURS),
        "local-size-differs": (lying("local", size=1), NOT_OURS),
        "local-checksum-differs": (lying("local", crc=1), NOT_OURS),
        "local-compressed": (lying("local", method=8), NOT_OURS),
        "checksum-of-another": (lying("central", crc=1), NOT_OURS),
        "extra-field": (lying("central", extra=b"\x01\x00\x00\x00"), NOT_OURS),
        "local-extra-field": (lying("local", extra=b"\x01\x00\x00\x00"), NOT_OURS),
        "entry-comment": (lying("central", comment=b"hello"), NOT_OURS),
        "another-time": (lying("central", time=1), NOT_OURS),
        "overlapping": (
            raw_zip([*plain, ZipEntry(b"zz", plain[0].content, offset=0)]), NOT_OURS,
        ),
        "unsorted": (raw_zip(plain[::-1]), NOT_OURS),
        "many-files": (many, "at most 100 files"),
        "bytes-before": (raw_zip(plain, before=b"#!/bin/sh\n"), NOT_OURS),
        "bytes-between": (raw_zip(plain, between=b"\0"), NOT_OURS),
        "bytes-after": (whole + b"\0", NOT_OURS),
        "archive-comment": (raw_zip(plain, end={"comment": 4}, after=b"note"), NOT_OURS),
        "directory-elsewhere": (raw_zip(plain, end={"offset": 0}), NOT_OURS),
        "directory-count": (raw_zip(plain, end={"count": len(plain) + 1}), NOT_OURS),
        "zip64": (raw_zip(plain, end={"offset": 2**32 - 1, "count": 2**16 - 1}), "at most 100"),
        "two-archives": (whole + whole, NOT_OURS),
        "cut-in-an-entry": (whole[:first], NOT_OURS),
        "cut-in-the-directory": (whole[:-40], NOT_OURS),
        "cut-by-one": (whole[:-1], NOT_OURS),
        "empty-archive": (zip_bytes({}), f"{MANIFEST} is missing"),
        "empty-file": (b"", NOT_OURS),
    }  # fmt: skip


def tar_samples(files: Members) -> dict[str, tuple[bytes, str]]:
    """The same of tars."""
    whole = tar_bytes(files)
    names = {
        f"name-{kind}": (_tar_named(files, name.encode()), NOT_PLAIN)
        for kind, name in NAMES.items()
        if kind not in ("folder", "nul")
    }
    kinds = {
        "hard-link": tarfile.LNKTYPE, "link": tarfile.SYMTYPE, "device": tarfile.CHRTYPE,
        "fifo": tarfile.FIFOTYPE, "folder": tarfile.DIRTYPE, "sparse": tarfile.GNUTYPE_SPARSE,
    }  # fmt: skip
    refused = {"folder": NOT_OURS}
    links = {
        kind: (
            raw_tar(files, tar_entry("zz", code, "/etc/passwd")),
            refused.get(kind, "is a link or special"),
        )
        for kind, code in kinds.items()
    }
    long = tar_entry("a" * 120 + "/b")
    return names | links | {
        "name-nul": (_patched(whole, 96, b"\0x"), NOT_OURS + "|" + NOT_PLAIN),
        "twice": (_joined(whole, tar_bytes({"model.onnx": b"other"})), TWICE),
        "twice-but-for-case": (_joined(whole, tar_bytes({"zMODEL.onnx": b"o"}, )).replace(
            b"zMODEL.onnx", b"MODEL.onnx\0"), NOT_OURS + "|" + TWICE),
        "pax-header": (raw_tar(files, long, form=tarfile.PAX_FORMAT), "link or special"),
        "gnu-long-name": (raw_tar(files, long, form=tarfile.GNU_FORMAT), NOT_OURS),
        "old-tar": (whole[:257] + bytes(8) + whole[265:], NOT_OURS),
        "another-owner": (_patched(whole, 108, b"0000001\0"), NOT_OURS),
        "another-mode": (_patched(whole, 100, b"0004755\0"), NOT_OURS),
        "another-time": (_patched(whole, 136, b"00000000001\0"), NOT_OURS),
        "larger-than-the-archive": (_patched(whole, 124, b"77777777777\0"), "not inside"),
        "negative-size": (_patched(whole, 124, b"-0000000001\0"), NOT_OURS),
        "binary-size": (_patched(whole, 124, b"\x80" + b"\xff" * 11), NOT_OURS),
        "checksum": (_patched(whole, 148, b"000000\0 ", sign=False), NOT_OURS),
        "bytes-in-the-padding": (_padding(whole), NOT_OURS),
        "many-files": (tar_bytes({**files, **{f"f{i}": b"" for i in range(200)}}), "at most 100"),
        "unsorted": (_joined(tar_bytes({"zz": b""}), whole), NOT_OURS),
        "folders": (tar_bytes(files, root="x/"), NOT_OURS),
        "one-end-block": (whole[:-512], NOT_OURS),
        "no-end": (whole[:-1024], NOT_OURS),
        "bytes-after": (whole + b"\0", NOT_OURS),
        "two-archives": (whole + whole, NOT_OURS),
        "cut-in-an-entry": (whole[:5000], NOT_OURS + "|not inside"),
        "cut-by-one": (whole[:-1], NOT_OURS),
        "ends-early": (tar_bytes({}) + whole, NOT_OURS),
    }  # fmt: skip


def image_samples(files: Members, facts: ImageFacts) -> dict[str, tuple[dict[str, bytes], str]]:
    """The same of OCI image layouts: path in the layout → content."""
    whole = image_files(files, facts)
    layer = max(whole, key=lambda name: len(whole[name]))
    manifest = next(name for name in whole if name != layer and b'"layers"' in whole[name])
    rest = {name: content for name, content in whole.items() if name != layer}
    other = image_files({**files, "extra.py": b"import os"}, facts)
    rewritten = "is not what ccnet-edge writes"
    plain_layer = image_files(files, facts)[layer].replace(b"opt/ccnet/", b"opt/other/")
    return {
        "layer-changed": ({**whole, layer: whole[layer][:-1] + b"\1"}, "has the SHA-256"),
        "layer-missing": (rest, "3 blobs were wanted"),
        "layer-elsewhere": ({**rest, _blob(plain_layer): plain_layer}, NOT_OURS),
        "second-layer": ({**whole, "blobs/sha256/" + "0" * 64: b"more"}, "3 blobs were wanted"),
        "index-changed": ({**whole, INDEX: whole[INDEX] + b"\n"}, rewritten),
        "index-of-another": ({**whole, INDEX: other[INDEX]}, rewritten),
        "manifest-changed": (
            {**whole, manifest: whole[manifest].replace(b".tar", b".tar+gzip")}, rewritten,
        ),
        "another-machine": (image_files(files, _for_another(facts)), "is missing|" + rewritten),
        "another-name": (
            image_files(files, ImageFacts(name="other", version=facts.version,
                                          instruction_set=facts.instruction_set)),
            "is missing|" + rewritten,
        ),
        "file-not-listed": (other, "does not list: extra.py"),
        "name-of-a-blob": (
            {**rest, "blobs/sha256/a b": whole[layer]}, NOT_PLAIN,
        ),
    }  # fmt: skip


def write_samples(archive: Path, folder: Path, facts: ImageFacts) -> dict[Path, str]:
    """Write every sample of the bundle in `archive`; path → what its refusal has to say."""
    files = members(archive)
    written: dict[Path, str] = {}
    kinds: dict[str, Callable[[Members], dict[str, tuple[bytes, str]]]]
    kinds = {"zip": zip_samples, "tar": tar_samples}
    for suffix, make in kinds.items():
        for name, (content, reason) in make(files).items():
            path = folder / f"{suffix}-{name}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            written[path] = reason
    for name, (layout, reason) in image_samples(files, facts).items():
        for part, content in layout.items():
            path = folder / f"oci-{name}" / part
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        written[folder / f"oci-{name}"] = reason
    return written


def _blob(content: bytes) -> str:
    from ccnet_edge.device.bundle.oci import Blob

    return Blob.of(content).path


def _for_another(facts: ImageFacts) -> ImageFacts:
    other = "x86_64" if facts.instruction_set == "aarch64" else "aarch64"
    return ImageFacts(name=facts.name, version=facts.version, instruction_set=other)


def _joined(one: bytes, two: bytes) -> bytes:
    """Two tars as one."""
    return one[:-1024] + two


def _tar_named(files: Members, name: bytes) -> bytes:
    """A tar with one more file, whose name nobody would write."""
    header = bytearray(tar_bytes({"zz": b""})[:512])
    header[: len(name)] = name
    return tar_bytes(files)[:-1024] + _summed(bytes(header)) + bytes(1024)


def _patched(whole: bytes, at: int, value: bytes, *, sign: bool = True) -> bytes:
    """The tar with bytes of its first header changed, and its checksum made right again."""
    header = bytearray(whole[:512])
    header[at : at + len(value)] = value
    return (_summed(bytes(header)) if sign else bytes(header)) + whole[512:]


def _summed(header: bytes) -> bytes:
    blank = header[:148] + b" " * 8 + header[156:]
    return blank[:148] + b"%06o\0 " % sum(blank) + blank[156:]


def _padding(whole: bytes) -> bytes:
    """The tar with a byte behind the first file that does not fill its last block."""
    at = 0
    while True:
        size = int(whole[at + 124 : at + 135], 8)
        at += 512 + size
        if size % 512:
            return whole[:at] + b"\1" + whole[at + 1 :]


def main() -> None:
    """Write the samples of a bundle."""
    from ccnet_edge.device.bundle.listing import open_listing

    bundle, folder = map(Path, sys.argv[1:])
    listing = open_listing(bundle)
    facts = ImageFacts(
        name=listing.name, version=listing.version, instruction_set=listing.instruction_set
    )
    count = len(write_samples(bundle, folder, facts))
    sys.stdout.write(f"{count} samples in {folder}\n")


if __name__ == "__main__":
    main()
