"""Hostile archives: every way to lie that is known is refused with exit code 9, and named."""

from __future__ import annotations

import json
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ccnet_edge.device.bundle import open_bundle
from ccnet_edge.device.bundle.zips import REGULAR_FILE, zip_bytes
from ccnet_edge.device.segmenter import Segmenter
from ccnet_edge.errors import BundleRefusedError
from ccnet_edge.spec.bundle import MANIFEST

SYMLINK = 0o120777 << 16
FIFO = 0o010644 << 16


def members(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def refused(path: Path, match: str) -> BundleRefusedError:
    with pytest.raises(BundleRefusedError, match=match) as caught:
        open_bundle(path)
    assert caught.value.exit_code == 9
    assert str(path) in caught.value.message
    return caught.value


def with_entry(
    archive: Path, name: str, content: bytes, *, attributes: int = REGULAR_FILE, **fields: Any
) -> Path:
    """The archive with one more entry, written as it is asked for."""
    info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    info.external_attr = attributes
    for field, value in fields.items():
        setattr(info, field, value)
    with zipfile.ZipFile(archive, "a") as opened:
        opened.writestr(info, content)
    return archive


@pytest.mark.parametrize(
    "name",
    [
        "../escaped",
        "golden/../../escaped",
        "/etc/cron.d/job",
        "C:/windows/system.ini",
        "..\\escaped",
        "golden//image.png",
        "./model.onnx",
        "golden/",
        ".hidden",
        "café.onnx",
        "new\nline",
        "\x1b[2Jclear",
        "a" * 300,
    ],
)
def test_names_that_are_no_plain_files_are_refused(name: str, archive: Path) -> None:
    refused(with_entry(archive, name, b""), "plain file name was wanted")


@pytest.mark.parametrize("attributes", [SYMLINK, FIFO], ids=["link", "fifo"])
def test_links_and_special_files_are_refused(attributes: int, archive: Path) -> None:
    refused(
        with_entry(archive, "link", b"/etc/passwd", attributes=attributes),
        "link is a link or special file",
    )


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["model.onnx", "MODEL.onnx", MANIFEST])
def test_two_entries_of_one_name_are_refused(name: str, archive: Path) -> None:
    refused(with_entry(archive, name, b"other"), "two files are named")


def test_a_compressed_entry_is_refused_before_it_is_unpacked(archive: Path) -> None:
    bomb = b"\0" * 50_000_000
    refused(
        with_entry(archive, "bomb", bomb, compress_type=zipfile.ZIP_DEFLATED),
        "bomb is compressed",
    )


def patched(archive: Path, name: str, *, offset: int, value: bytes) -> Path:
    """Overwrite bytes of an entry in the central directory, `offset` from its start."""
    content = bytearray(archive.read_bytes())
    at = content.rindex(name.encode()) - 46
    assert content[at : at + 4] == b"PK\x01\x02"
    content[at + offset : at + offset + len(value)] = value
    archive.write_bytes(content)
    return archive


def test_a_size_larger_than_the_archive_is_refused_before_memory_is_asked_for(
    archive: Path,
) -> None:
    huge = struct.pack("<II", 3_000_000_000, 3_000_000_000)  # compressed and plain size
    refused(
        patched(archive, "model.onnx", offset=20, value=huge), "its files declare|BadZip|wanted"
    )


def test_entries_that_share_their_bytes_are_refused(archive: Path) -> None:
    runtime = zipfile.ZipFile(archive).getinfo("ccnet-device.pyz")
    sizes = struct.pack("<II", runtime.file_size, runtime.file_size)
    for name in ("model.onnx", "README.md", "golden/labels.png"):
        patched(archive, name, offset=20, value=sizes)
    refused(archive, "its files declare|archive was wanted")


def test_an_encrypted_entry_is_refused(archive: Path) -> None:
    refused(patched(archive, "model.onnx", offset=8, value=b"\x01\x00"), "model.onnx is encrypted")


def test_more_files_than_a_bundle_has_are_refused(archive: Path, tmp_path: Path) -> None:
    many = {**members(archive), **{f"f{i}": b"" for i in range(200)}}
    archive.write_bytes(zip_bytes(many))
    refused(archive, "at most 100 files")


def test_a_file_that_the_manifest_does_not_list_is_refused(archive: Path) -> None:
    error = refused(with_entry(archive, "extra.py", b"import os"), "does not list: extra.py")
    assert "do not use it" in error.hint


@pytest.mark.parametrize(
    "name", ["model.onnx", "golden/image.png", "golden/labels.png", "golden/logits.f32",
             "ccnet-device.pyz", "README.md"],
)  # fmt: skip
def test_one_flipped_bit_in_any_file_is_refused_by_its_name(name: str, archive: Path) -> None:
    files = members(archive)
    content = bytearray(files[name])
    content[len(content) // 2] ^= 1
    archive.write_bytes(zip_bytes({**files, name: bytes(content)}))
    refused(archive, name.replace(".", r"\."))


@pytest.mark.parametrize("name", ["model.onnx", MANIFEST])
def test_a_missing_file_is_refused_by_its_name(name: str, archive: Path) -> None:
    files = members(archive)
    del files[name]
    archive.write_bytes(zip_bytes(files))
    refused(archive, f"{name} is missing")


def test_a_truncated_archive_is_refused_at_every_length(archive: Path) -> None:
    content = archive.read_bytes()
    for length in (0, 1, 100, len(content) // 2, len(content) - 30, len(content) - 1):
        archive.write_bytes(content[:length])
        refused(archive, "archive was wanted|missing")


def test_a_byte_changed_anywhere_is_never_another_accepted_bundle(archive: Path) -> None:
    manifest = open_bundle(archive).manifest
    content = archive.read_bytes()
    for at in range(0, len(content), 997):
        changed = bytearray(content)
        changed[at] ^= 0xFF
        archive.write_bytes(changed)
        try:
            opened = open_bundle(archive)
        except BundleRefusedError:
            continue
        # Bytes of the container that mean nothing, such as an entry's time, may differ.
        assert opened.manifest == manifest


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n", b"PK\x05\x06" + b"\0" * 18])
def test_a_file_that_is_no_bundle_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    path.write_bytes(content)
    refused(path, "archive was wanted|manifest.json is missing")


def test_nothing_at_all_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "absent.zip", "found nothing")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "manifest.json is missing")


Change = Callable[[dict[str, Any]], object]


def with_manifest(archive: Path, change: Change) -> Path:
    files = members(archive)
    manifest = json.loads(files[MANIFEST])
    change(manifest)
    archive.write_bytes(zip_bytes({**files, MANIFEST: json.dumps(manifest).encode()}))
    return archive


CHANGES: dict[str, tuple[Change, str]] = {
    "another format": (lambda m: m.update(format=2), "bundle format 1 was wanted, found 2"),
    "no format": (lambda m: m.pop("format"), "format 1 was wanted, found None"),
    "another schema": (lambda m: m.update(schema_version=9), "schema version 1 was wanted"),
    "a missing field": (lambda m: m.pop("trained"), "field 'trained' is missing"),
    "a mistyped field": (lambda m: m.update(fit="yes"), "bool was wanted"),
    "an unknown field": (lambda m: m.update(fits=True), "unknown field 'fits'"),
    "fit against its gates": (lambda m: m.update(fit=False), "the gates contradict"),
    "a listed escape": (
        lambda m: m["files"].append({"file": "../x", "size_bytes": 0, "sha256": ""}),
        "plain file name",
    ),
    "a file listed twice": (lambda m: m["files"].append(m["files"][0]), "lists a file twice"),
    "a model that is not listed": (
        lambda m: m["artifact"].update(file="README"),
        "lists no such file",
    ),
    "a model described twice": (
        lambda m: m["artifact"].update(sha256="0" * 64),
        "says two things",
    ),
    "a smaller size": (lambda m: m["files"][0].update(size_bytes=3), "at most 3 were wanted"),
    "a negative size": (lambda m: m["files"][0].update(size_bytes=-1), "at most -1"),
    "an enormous input": (
        lambda m: m["trained"]["preprocessing"].update(height=10**9),
        "is not possible",
    ),
    "enormous channels": (
        lambda m: m["trained"]["preprocessing"].update(channels=10**9),
        "1000000000 channels",
    ),
    "a deviation of zero": (
        lambda m: m["trained"]["preprocessing"].update(std=[0.0, 1.0, 1.0]),
        "cannot normalise",
    ),
    "a mean that is no number": (
        lambda m: m["trained"]["preprocessing"].update(mean=[float("nan"), 0.0, 0.0]),
        "cannot normalise",
    ),
    "a step of zero": (lambda m: m["golden"].update(step=0), "no logits to compare"),
    "another number of classes": (
        lambda m: m["trained"].update(classes=["a", "b", "c"]),
        "do not make 3 classes",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_manifest_that_lies_is_refused(name: str, archive: Path) -> None:
    change, match = CHANGES[name]
    refused(with_manifest(archive, change), match)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"format": ' + b"9" * 5000 + b"}"],
    ids=["empty", "open", "list", "null", "no text", "deep", "long number"],
)
def test_a_manifest_that_is_no_manifest_is_refused(content: bytes, archive: Path) -> None:
    archive.write_bytes(zip_bytes({**members(archive), MANIFEST: content}))
    refused(archive, "manifest.json")


def test_an_enormous_manifest_is_refused_unread(archive: Path) -> None:
    archive.write_bytes(zip_bytes({**members(archive), MANIFEST: b" " * (5 * 2**20)}))
    refused(archive, "manifest.json has 5242880 bytes, at most 4194304")


def test_links_in_a_folder_are_not_followed(bundle: Path, tmp_path: Path) -> None:
    (bundle / "model.onnx").rename(tmp_path / "model.onnx")
    (bundle / "model.onnx").symlink_to(tmp_path / "model.onnx")
    with pytest.raises(BundleRefusedError, match="found a link"):
        open_bundle(bundle)
    (bundle / "model.onnx").unlink()
    (tmp_path / "model.onnx").rename(bundle / "model.onnx")
    (bundle / "golden").rename(tmp_path / "golden")
    (bundle / "golden").symlink_to(tmp_path / "golden")
    with pytest.raises(BundleRefusedError, match="found a link"):
        open_bundle(bundle)


def test_a_fifo_in_a_folder_does_not_block(bundle: Path) -> None:
    (bundle / "model.onnx").unlink()
    os.mkfifo(bundle / "model.onnx")
    refused(bundle, "model.onnx is missing")


def replaced(archive: Path, content: dict[str, bytes]) -> Path:
    """The archive with other files, and a manifest that says so: nobody signed it."""
    import hashlib

    files = {**members(archive), **content}
    manifest = json.loads(files[MANIFEST])
    entries = [*manifest["files"], manifest["artifact"]]
    for entry in entries:
        new = files[entry["file"]]
        entry.update(size_bytes=len(new), sha256=hashlib.sha256(new).hexdigest())
    archive.write_bytes(zip_bytes({**files, MANIFEST: json.dumps(manifest).encode()}))
    return archive


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\nrm -rf /", b"\x08\x07" * 50])
def test_a_model_that_is_no_model_is_refused_though_its_hash_is_right(
    content: bytes, archive: Path
) -> None:
    replaced(archive, {"model.onnx": content})
    assert open_bundle(archive).model() == content
    with pytest.raises(BundleRefusedError, match="could not load the model") as caught:
        Segmenter.open(archive)
    assert caught.value.exit_code == 9


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("golden/image.png", b"no image"),
        ("golden/labels.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 40),
        ("golden/logits.f32", b"123"),
        ("golden/logits.f32", b"\xff" * 4096),
    ],
)
def test_golden_files_that_hold_something_else_are_refused(
    name: str, content: bytes, archive: Path
) -> None:
    from ccnet_edge.device.verify import verify_bundle

    replaced(archive, {name: content})
    with pytest.raises(BundleRefusedError, match=r"golden|logits"):
        verify_bundle(archive, measure=False)
