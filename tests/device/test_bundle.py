"""Laws of bundles: equal parts give equal bytes, and what was written is what is opened."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ccnet_edge.device.bundle import is_archive, open_bundle
from ccnet_edge.device.bundle.pack import write_archive
from ccnet_edge.device.bundle.readme import readme
from ccnet_edge.device.bundle.write import README, BundleParts, write_bundle
from ccnet_edge.device.package import measured_path, pack_bundle
from ccnet_edge.errors import BundleRefusedError, DataError, UsageError
from ccnet_edge.spec import serial
from ccnet_edge.spec.bundle import MANIFEST, RUNTIME_FILE, SUMS, Manifest, Measurements
from ccnet_edge.spec.complexity import ImageFigures
from ccnet_edge.spec.report import Environment, Gate, ImageScores
from ccnet_edge.spec.training import CurvePoint

HERE = Environment(
    machine="m", processor="p", cores=1, memory_bytes=1, system="s", python="3", versions=()
)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def umask() -> Iterator[None]:
    old = os.umask(0o077)
    yield
    os.umask(old)


def test_a_bundle_holds_model_manifest_golden_runtime_and_readme(bundle: Path) -> None:
    assert sorted(contents(bundle)) == [
        README,
        SUMS,
        RUNTIME_FILE,
        "golden/image.png",
        "golden/labels.png",
        "golden/logits.f32",
        MANIFEST,
        "model.onnx",
    ]


def test_the_manifest_lists_every_other_file_with_its_size_and_hash(bundle: Path) -> None:
    files = contents(bundle)
    del files[MANIFEST], files[SUMS]
    listed = serial.load(Manifest, bundle / MANIFEST).files
    assert {file.file: file.sha256 for file in listed} == {
        name: hashlib.sha256(content).hexdigest() for name, content in files.items()
    }
    assert all(file.size_bytes == len(files[file.file]) for file in listed)


def test_sha256sum_checks_every_file(bundle: Path) -> None:
    tool = shutil.which("sha256sum")
    if tool is None:
        pytest.skip("sha256sum is not installed")
    check = [tool, "-c", "--strict", SUMS]
    done = subprocess.run(check, cwd=bundle, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == len(contents(bundle)) - 1
    (bundle / "model.onnx").write_bytes(b"x")
    assert subprocess.run(check, cwd=bundle, capture_output=True, check=False).returncode == 1


def test_equal_builds_give_equal_archives_whatever_the_umask_clock_and_machine_gave(
    parts: BundleParts, bundle: Path, archive: Path, tmp_path: Path, umask: None
) -> None:
    for path in bundle.rglob("*"):
        os.utime(path, (time.time() + 10**6,) * 2)
    ram = replace(parts.gates[2], measured=1.0, where="elsewhere", note="busy")
    latency = replace(parts.gates[3], measured=2.0, where="elsewhere")
    again = replace(parts, gates=(*parts.gates[:2], ram, latency, *parts.gates[4:]))
    write_bundle(again, tmp_path / "again")
    sha256 = write_archive(tmp_path / "again", tmp_path / "again.zip").sha256
    assert (tmp_path / "again.zip").read_bytes() == archive.read_bytes()
    assert sha256 == serial.file_sha256(archive) == hashlib.sha256(archive.read_bytes()).hexdigest()


def test_an_archives_entries_are_sorted_stored_plain_files_of_1980(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        entries = opened.infolist()
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    assert {entry.compress_type for entry in entries} == {zipfile.ZIP_STORED}
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.external_attr >> 16 for entry in entries} == {0o100644}


def test_folder_and_archive_open_to_the_same_manifest_and_content(
    parts: BundleParts, bundle: Path, archive: Path
) -> None:
    folder, packed = open_bundle(bundle), open_bundle(archive)
    assert folder.manifest == packed.manifest
    assert (is_archive(folder), is_archive(packed)) == (False, True)
    assert folder.model() == packed.model() == parts.model.read_bytes()
    for file in folder.manifest.files:
        assert folder.read(file.file) == packed.read(file.file)


def test_a_build_directory_is_taken_for_the_bundle_in_it(bundle: Path) -> None:
    assert bundle.name == "bundle"
    assert open_bundle(bundle.parent).manifest == open_bundle(bundle).manifest


def test_a_manifest_keeps_its_parts_and_leaves_out_what_a_machine_measured(
    parts: BundleParts, tmp_path: Path
) -> None:
    figures = ImageFigures(name="a", j=(0.1,), b=(0.2,))
    assert parts.complexity is not None
    assert parts.trained is not None
    assert parts.evaluation is not None
    pooled = parts.evaluation.pooled
    full = replace(
        parts,
        complexity=replace(parts.complexity, per_image=(figures,)),
        trained=replace(
            parts.trained,
            curve=(CurvePoint(step=1, loss=1.0, validation_f1=None, learning_rate=1e-3),),
        ),
        evaluation=replace(parts.evaluation, images=(ImageScores(name="a", scores=pooled),)),
        train_size=(584, 565),
    )
    manifest = write_bundle(full, tmp_path / "bundle")
    assert serial.from_json(Manifest, serial.to_json(manifest)) == manifest
    assert manifest.complexity == parts.complexity
    assert manifest.trained == parts.trained
    assert manifest.evaluation == parts.evaluation
    assert (manifest.train_height, manifest.train_width) == (584, 565)
    measured = {gate.name: gate.measured for gate in manifest.gates}
    assert measured["ram"] is None
    assert measured["latency"] is None
    assert measured["accuracy"] == 0.9
    assert not any(gate.where for gate in manifest.gates)


def failed(parts: BundleParts, name: str) -> BundleParts:
    gates = tuple(
        replace(gate, status="failed") if gate.name == name else gate for gate in parts.gates
    )
    return replace(parts, gates=gates)


@pytest.mark.parametrize("name", ["parity", "disk", "ram", "latency", "accuracy"])
def test_one_missed_gate_makes_a_bundle_unfit_and_its_readme_says_so(
    name: str, parts: BundleParts, tmp_path: Path
) -> None:
    assert write_bundle(parts, tmp_path / "fit").fit
    manifest = write_bundle(failed(parts, name), tmp_path / "unfit")
    assert not manifest.fit
    assert [gate.name for gate in manifest.failed] == [name]
    assert "UNFIT: do not deploy" in (tmp_path / "unfit" / README).read_text()
    assert "UNFIT" not in (tmp_path / "fit" / README).read_text()


def test_a_gate_that_only_the_target_decides_leaves_a_bundle_fit_and_is_named(
    parts: BundleParts, tmp_path: Path
) -> None:
    open_gates = tuple(
        replace(gate, status="not verified on target") if gate.name in ("ram", "latency") else gate
        for gate in parts.gates
    )
    manifest = write_bundle(replace(parts, gates=open_gates), tmp_path / "bundle")
    assert manifest.fit
    text = (tmp_path / "bundle" / README).read_text()
    assert (
        "Not yet measured on this machine itself: peak memory of the process and time for one "
        "image (p90)" in text
    )


def test_a_readme_tells_a_stranger_what_to_install_and_run(bundle: Path) -> None:
    text = (bundle / README).read_text()
    for needed in (
        "venv/bin/pip install numpy Pillow onnxruntime",
        "venv/bin/python ccnet-device.pyz run . IMAGE_OR_FOLDER... -o masks --overlay",
        "venv/bin/python ccnet-device.pyz verify . --on-target",
        "0 background, 1 cell",
        "F1 0.9100",
        "[1, 3, 32, 32]",
        "Python 3.10 or newer",
    ):
        assert needed in text


@pytest.mark.parametrize(
    ("engine", "packages"),
    [
        ("native", "numpy Pillow\n"),
        ("ncnn", "numpy Pillow ncnn=="),
        ("litert", "numpy Pillow ai-e"),
    ],
)
def test_a_readme_names_the_engine_that_the_bundle_is_for(
    engine: str, packages: str, bundle: Path
) -> None:
    manifest = open_bundle(bundle).manifest
    other = replace(manifest, options=replace(manifest.options, engine=engine))
    assert f"venv/bin/pip install {packages}" in readme(other, runtime=RUNTIME_FILE)


def test_a_device_without_a_new_python_is_told_to_take_the_model(
    parts: BundleParts, tmp_path: Path
) -> None:
    old = replace(parts, target=replace(parts.target, python=None))
    write_bundle(old, tmp_path / "bundle")
    text = (tmp_path / "bundle" / README).read_text()
    assert "has no Python that is new enough for the runtime: take the model alone" in text


def test_a_bundle_is_replaced_whole(parts: BundleParts, bundle: Path) -> None:
    (bundle / "stale.txt").write_text("of the last build")
    manifest = write_bundle(replace(parts, name="second"), bundle)
    assert open_bundle(bundle).manifest == manifest
    assert "stale.txt" not in contents(bundle)
    assert [path.name for path in bundle.parent.iterdir() if path.name.startswith(".")] == []


def test_a_folder_with_something_else_in_it_is_left_alone(
    parts: BundleParts, tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.jpg").write_bytes(b"mine")
    with pytest.raises(UsageError, match="holds files that are no bundle"):
        write_bundle(parts, tmp_path / "photos")
    assert contents(tmp_path / "photos") == {"one.jpg": b"mine"}
    with pytest.raises(UsageError, match="found a file"):
        write_bundle(parts, tmp_path / "photos" / "one.jpg")


def test_a_failed_write_leaves_the_bundle_that_was_there(parts: BundleParts, bundle: Path) -> None:
    before = contents(bundle)
    grey = np.full_like(parts.golden, 7)
    with pytest.raises(DataError, match="logits that differ"):
        write_bundle(replace(parts, golden=grey), bundle)
    assert contents(bundle) == before


def test_a_changed_bundle_is_not_packed(bundle: Path, tmp_path: Path) -> None:
    (bundle / README).write_text("other words")
    with pytest.raises(BundleRefusedError, match=r"README\.md"):
        write_archive(bundle, tmp_path / "bundle.zip")
    assert not (tmp_path / "bundle.zip").exists()


def test_measurements_lie_beside_the_archive_and_name_its_hash(
    bundle: Path, archive: Path, parts: BundleParts, tmp_path: Path
) -> None:
    packed = tmp_path / "out" / "packed.zip"
    pack_bundle(bundle, packed, memory=None, latency=None, gates=parts.gates, environment=HERE)
    measured = serial.load(Measurements, measured_path(packed))
    assert measured_path(packed) == packed.with_name("packed.zip.measured.json")
    assert packed.read_bytes() == archive.read_bytes()
    assert measured.archive == "packed.zip"
    assert measured.archive_sha256 == hashlib.sha256(packed.read_bytes()).hexdigest()
    assert measured.archive_bytes == packed.stat().st_size
    assert measured.gates == parts.gates


def test_a_file_that_is_not_listed_cannot_be_read(bundle: Path) -> None:
    (bundle / "extra").write_bytes(b"")
    opened = open_bundle(bundle)
    with pytest.raises(BundleRefusedError, match="lists no file 'extra'"):
        opened.read("extra")


def test_files_that_change_after_opening_are_refused(bundle: Path) -> None:
    opened = open_bundle(bundle)
    (bundle / "model.onnx").write_bytes(b"x" * opened.manifest.artifact.size_bytes)
    with pytest.raises(BundleRefusedError, match=r"model\.onnx"):
        opened.model()


def test_gates_and_fit_may_not_contradict_each_other(bundle: Path) -> None:
    manifest = open_bundle(bundle).manifest
    gate: Gate = replace(manifest.gates[0], status="failed")
    with pytest.raises(Exception, match="which the gates contradict"):
        replace(manifest, gates=(gate,))
