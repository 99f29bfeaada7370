"""Hostile manifests, files and folders: what lies is refused with exit code 9, and named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ccnet_edge.device.bundle import open_bundle
from ccnet_edge.device.segmenter import Segmenter
from ccnet_edge.errors import BundleRefusedError
from ccnet_edge.spec.bundle import MANIFEST, SUMS
from tests.device.hostile.crafting import Change, members, pack, replaced, rewritten


def refused(path: Path, match: str) -> BundleRefusedError:
    with pytest.raises(BundleRefusedError, match=match) as caught:
        open_bundle(path)
    assert caught.value.exit_code == 9
    assert str(path) in caught.value.message
    return caught.value


def test_a_file_that_the_manifest_does_not_list_is_refused(archive: Path) -> None:
    pack(archive, {**members(archive), "extra.py": b"import os"})
    error = refused(archive, "does not list: extra.py")
    assert "do not use it" in error.hint


@pytest.mark.parametrize(
    "name", ["model.onnx", "golden/image.png", "golden/labels.png", "golden/logits.f32",
             "ccnet-device.pyz", "README.md"],
)  # fmt: skip
def test_one_flipped_bit_in_any_file_is_refused_by_its_name(name: str, archive: Path) -> None:
    files = members(archive)
    content = bytearray(files[name])
    content[len(content) // 2] ^= 1
    pack(archive, {**files, name: bytes(content)})
    refused(archive, name.replace(".", r"\."))


@pytest.mark.parametrize("name", ["model.onnx", MANIFEST, SUMS])
def test_a_missing_file_is_refused_by_its_name(name: str, archive: Path) -> None:
    files = members(archive)
    del files[name]
    pack(archive, files)
    refused(archive, f"{name} is missing")


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n", b"PK\x05\x06" + b"\0" * 18])
def test_a_file_that_is_no_bundle_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    path.write_bytes(content)
    refused(path, "archive was wanted|manifest.json is missing")


def test_nothing_at_all_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "absent.zip", "found nothing")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "manifest.json is missing")


CHANGES: dict[str, tuple[Change, str]] = {
    "a newer format": (lambda m: m.update(format=99), "bundle format 3 was wanted, found 99"),
    "an older format": (lambda m: m.update(format=1), "format 2 or newer was wanted, found 1"),
    "no format": (lambda m: m.pop("format"), "format 2 or newer was wanted, found None"),
    "a name that is no name": (lambda m: m.update(name="\x1b[2J"), "plain file name was wanted"),
    "no version": (lambda m: m.pop("version"), "field 'version': int was wanted"),
    "a negative version": (lambda m: m.update(version=-1), "the version -1 is none"),
    "no target": (lambda m: m.update(target=None), "field 'target': dict was wanted"),
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
    refused(pack(archive, rewritten(members(archive), change)), match)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"format": ' + b"9" * 5000 + b"}"],
    ids=["empty", "open", "list", "null", "no text", "deep", "long number"],
)
def test_a_manifest_that_is_no_manifest_is_refused(content: bytes, archive: Path) -> None:
    pack(archive, rewritten(members(archive), manifest=content))
    refused(archive, "manifest.json")


def test_an_enormous_manifest_is_refused_unread(archive: Path) -> None:
    pack(archive, rewritten(members(archive), manifest=b" " * (5 * 2**20)))
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


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\nrm -rf /", b"\x08\x07" * 50])
def test_a_model_that_is_no_model_is_refused_though_its_hash_is_right(
    content: bytes, archive: Path
) -> None:
    pack(archive, replaced(members(archive), {"model.onnx": content}))
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

    pack(archive, replaced(members(archive), {name: content}))
    with pytest.raises(BundleRefusedError, match=r"golden|logits"):
        verify_bundle(archive, measure=False)
