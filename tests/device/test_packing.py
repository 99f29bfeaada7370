"""Laws of packed bundles: what other programs read in them is what was packed."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccnet_edge.device.bundle.oci import ROOT, ImageFacts, image_files
from ccnet_edge.device.bundle.pack import write_archive
from ccnet_edge.device.bundle.tars import tar_bytes, tar_members
from ccnet_edge.device.bundle.write import BundleParts, write_bundle
from ccnet_edge.device.bundle.zips import REGULAR_FILE, zip_bytes, zip_members
from ccnet_edge.errors import UsageError
from ccnet_edge.spec.bundle import PackedAs

part = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)
names = st.lists(part, min_size=1, max_size=3).map("/".join)
some_files = st.dictionaries(names, st.binary(max_size=1500), max_size=6).filter(
    lambda files: (
        len({name.casefold() for name in files}) == len(files)
        and not any(
            other.casefold().startswith(f"{name.casefold()}/") for name in files for other in files
        )
    )
)


@given(some_files)
@settings(max_examples=25)
def test_a_zip_is_what_pythons_zipfile_writes(files: dict[str, bytes]) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr = 3, REGULAR_FILE
            archive.writestr(info, files[name])
    content = zip_bytes(files)
    assert content == stream.getvalue()
    found = zip_members(io.BytesIO(content), len(content), where=Path("a.zip"))
    assert {m.name: content[m.offset : m.offset + m.size] for m in found} == files


@given(some_files, st.sampled_from(["", "opt/ccnet/bundle/"]))
@settings(max_examples=25)
def test_a_tar_is_read_by_pythons_tarfile(files: dict[str, bytes], root: str) -> None:
    content = tar_bytes(files, root=root)
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        entries = archive.getmembers()
        read = {
            entry.name.removeprefix(root): opened.read()
            for entry in entries
            if (opened := archive.extractfile(entry)) is not None
        }
    assert read == files
    assert {(e.uid, e.gid, e.mtime, e.uname) for e in entries} <= {(0, 0, 0, "")}
    found = tar_members(io.BytesIO(content), len(content), where=Path("a.tar"), root=root)
    assert {m.name: content[m.offset : m.offset + m.size] for m in found} == files


def test_a_long_name_is_split_or_refused() -> None:
    files = {"a" * 90 + "/" + "b" * 90: b"1"}
    with tarfile.open(fileobj=io.BytesIO(tar_bytes(files))) as archive:
        assert archive.getnames() == list(files)
    with pytest.raises(UsageError, match="too long for a tar"):
        tar_bytes({"a" * 101: b""})


def test_gnu_tar_unpacks_a_packed_bundle(bundle: Path, tmp_path: Path) -> None:
    write_archive(bundle, tmp_path / "bundle.tar", packed_as="tar")
    (tmp_path / "out").mkdir()
    done = subprocess.run(
        ["tar", "-xf", tmp_path / "bundle.tar", "-C", tmp_path / "out"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stderr == ""
    assert (tmp_path / "out" / "model.onnx").read_bytes() == (bundle / "model.onnx").read_bytes()


@pytest.mark.parametrize("kind", ["zip", "tar", "oci", "dir"])
def test_packing_twice_gives_the_same_bytes_and_packing_what_was_packed_too(
    kind: PackedAs, bundle: Path, tmp_path: Path
) -> None:
    packed = [
        write_archive(bundle, tmp_path / "one", packed_as=kind),
        write_archive(bundle, tmp_path / "two", packed_as=kind),
        write_archive(tmp_path / "one", tmp_path / "three", packed_as=kind),
    ]
    assert len({p.sha256 for p in packed}) == 1
    trees = [
        {f.relative_to(tmp_path / n): f.read_bytes() for f in (tmp_path / n).rglob("*.json")}
        for n in ("one", "two", "three")
    ]
    assert [list(tree.values()) for tree in trees] == [list(trees[0].values())] * 3


@pytest.fixture
def image(parts: BundleParts, tmp_path: Path) -> Path:
    """The image of a bundle for an Arm device, version 7."""
    arm = replace(parts, target=replace(parts.target, instruction_set="aarch64"), version=7)
    write_bundle(arm, tmp_path / "arm")
    write_archive(tmp_path / "arm", tmp_path / "image", packed_as="oci")
    return tmp_path / "image"


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def test_skopeo_accepts_the_image(image: Path, tmp_path: Path) -> None:
    skopeo = tool("skopeo")
    done = subprocess.run(
        [skopeo, "inspect", f"oci:{image}"], check=True, capture_output=True, text=True
    )
    found = json.loads(done.stdout)
    assert (found["Architecture"], found["Os"]) == ("arm64", "linux")
    assert found["Labels"]["org.opencontainers.image.version"] == "7"
    copy = [
        "copy",
        "--insecure-policy",
        "--preserve-digests",
        f"oci:{image}:latest",
        f"oci:{tmp_path / 'copy'}:latest",
    ]
    subprocess.run([skopeo, *copy], check=True, capture_output=True)
    blobs = {path.name for path in (image / "blobs" / "sha256").iterdir()}
    assert {path.name for path in (tmp_path / "copy" / "blobs" / "sha256").iterdir()} == blobs


def test_umoci_unpacks_the_image_to_the_bundle(image: Path, tmp_path: Path) -> None:
    umoci = tool("umoci")
    command = ["unpack", "--rootless", "--image", f"{image}:latest", str(tmp_path / "out")]
    subprocess.run([umoci, *command], check=True, capture_output=True)
    unpacked = tmp_path / "out" / "rootfs" / ROOT
    wanted = {p.relative_to(tmp_path / "arm"): p for p in (tmp_path / "arm").rglob("*.*")}
    assert {p.relative_to(unpacked) for p in unpacked.rglob("*.*")} == set(wanted)
    for name, path in wanted.items():
        assert (unpacked / name).read_bytes() == path.read_bytes()


def test_a_machine_that_images_have_no_name_for_is_refused() -> None:
    facts = ImageFacts(name="a", version=0, instruction_set="mips")
    with pytest.raises(UsageError, match="found mips"):
        image_files({}, facts)
