"""Transcripts of `ccnet-edge run`, `verify` and `package`: whole output and exit code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ccnet_edge.device.bundle.write import BundleParts, write_bundle
from ccnet_edge.spec import serial
from ccnet_edge.spec.bundle import Measurements, Verification
from tests.conftest import Call


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A 20 × 32 image whose right half is bright."""
    pixels = np.full((20, 32, 3), 10, np.uint8)
    pixels[:, 16:] = 250
    Image.fromarray(pixels).save(tmp_path / "image.png")
    return tmp_path / "image.png"


def without_times(text: str) -> str:
    return re.sub(r"\d+ ms", "N ms", text)


def test_run_prints_the_path_of_every_mask(
    cli: Call, bundle: Path, image: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    code, stdout, stderr = cli("run", bundle, image, "-o", out, "--overlay")
    assert code == 0
    assert without_times(stdout) == (
        f"{out}/image.png  50.0% foreground, N ms, {out}/overlays/image.png\n"
    )
    assert stderr == "segment   1/1  image.png\n"


def test_run_as_json_is_one_document(cli: Call, archive: Path, image: Path, tmp_path: Path) -> None:
    code, stdout, _ = cli("run", archive, image, "-o", tmp_path / "out", "--json")
    document = json.loads(stdout)
    assert code == 0
    assert document["schema_version"] == 1
    assert document["classes"] == ["background", "cell"]
    assert document["images"][0]["mask"] == str(tmp_path / "out" / "image.png")


def test_run_reports_what_it_could_not_read_and_exits_2(
    cli: Call, bundle: Path, image: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"no image")
    code, stdout, stderr = cli("run", bundle, image, tmp_path / "bad.jpg", "-o", tmp_path / "o")
    assert code == 2
    assert "image.png  50.0% foreground" in stdout
    assert "error: 1 of 2 images could not be segmented\n  - " in stderr
    assert f"{tmp_path / 'bad.jpg'}: not a readable PNG" in stderr
    assert "Traceback" not in stderr


def test_run_warns_of_an_unfit_bundle(
    cli: Call, parts: BundleParts, image: Path, tmp_path: Path
) -> None:
    failed = tuple(replace(g, status="failed") if g.name == "ram" else g for g in parts.gates)
    write_bundle(replace(parts, gates=failed), tmp_path / "bundle")
    code, _, stderr = cli("run", tmp_path / "bundle", image, "-o", tmp_path / "out")
    assert code == 0
    assert "warning: the bundle cells-local is marked UNFIT" in stderr


def test_run_refuses_what_is_no_bundle_with_exit_9(cli: Call, image: Path, tmp_path: Path) -> None:
    code, stdout, stderr = cli("run", image, image, "-o", tmp_path / "out")
    assert (code, stdout) == (9, "")
    assert stderr.startswith(f"error: {image}: a bundle's archive was wanted")
    assert "hint:  it was changed, damaged, cut short" in stderr


def test_verify_prints_every_check(cli: Call, archive: Path) -> None:
    code, stdout, _ = cli("verify", archive, "--no-measure")
    assert code == 0
    lines = stdout.splitlines()
    assert lines[0] == "bundle    cells-local, version 0"
    assert lines.pop(1) == "signed    not checked: --key demands a signature"
    assert lines[1] == "files     6 files are what the manifest says"
    assert lines[2].endswith("identical to the bit")
    assert re.fullmatch(r"disk      \d+ B, limit 1 MB: passed", lines[3])
    assert lines[4] == (
        "ram       not known, limit 2048.0 MiB: not verified on target (not measured)"
    )
    assert lines[6].endswith("is not taken for the target")


def test_verify_as_json_is_a_verification(cli: Call, bundle: Path) -> None:
    code, stdout, _ = cli("verify", bundle, "--samples", 64, "--inferences", 2, "--json")
    found = serial.from_json(Verification, stdout)
    assert code == 0
    assert found.memory is not None
    assert found.memory.inferences == 2
    assert found.latency is not None
    assert len(found.latency.samples_ms) == 64


def test_verify_requires_the_target_where_asked(cli: Call, bundle: Path) -> None:
    code, _, stderr = cli("verify", bundle, "--no-measure", "--require-target")
    assert code == 8
    assert "not verified on target" in stderr
    assert "hint:  run verify --on-target on here" in stderr


def test_verify_refuses_a_changed_file_with_exit_9(cli: Call, bundle: Path) -> None:
    with (bundle / "model.onnx").open("ab") as model:
        model.write(b"\0")
    code, stdout, stderr = cli("verify", bundle)
    assert (code, stdout) == (9, "")
    assert "model.onnx" in stderr


def test_package_packs_the_same_bytes_again_and_names_their_hash(
    cli: Call, bundle: Path, archive: Path, write_summary: Callable[[Path], Path]
) -> None:
    build = write_summary(bundle.parent)
    code, stdout, _ = cli("package", build)
    assert code == 0
    packed, sha256, measured_path = stdout.splitlines()
    assert packed.startswith(f"{build}/cells-local.zip  ")
    assert (build / "cells-local.zip").read_bytes() == archive.read_bytes()
    measured = serial.load(Measurements, Path(measured_path))
    assert sha256 == f"sha256 {measured.archive_sha256}"
    assert measured.memory is not None
    code, stdout, _ = cli("package", build, "-o", build / "other.zip", "--json")
    assert serial.from_json(Measurements, stdout).archive == "other.zip"
    assert (build / "other.zip").read_bytes() == archive.read_bytes()


def test_package_keeps_what_was_measured_on_the_target_of_the_same_archive(
    cli: Call, bundle: Path, write_summary: Callable[[Path], Path]
) -> None:
    build = write_summary(bundle.parent)
    assert cli("package", build).code == 0
    path = build / "measured.json"
    found = serial.load(Measurements, path)
    assert found.memory is not None
    there = replace(found, memory=replace(found.memory, peak_bytes=1))
    serial.save(there, path)
    assert cli("package", build).code == 0
    assert serial.load(Measurements, path) == there
    serial.save(replace(there, archive_sha256="of another"), path)
    assert cli("package", build).code == 0
    assert serial.load(Measurements, path) == found


def test_package_of_an_unfinished_build_says_what_is_missing(
    cli: Call, bundle: Path, tmp_path: Path
) -> None:
    code, _, stderr = cli("package", bundle.parent)
    assert code == 2
    assert "a finished build was wanted, its summary.json is missing" in stderr
    code, _, stderr = cli("package", tmp_path / "nothing")
    assert code == 2
    assert "bundle/manifest.json is missing" in stderr


@pytest.mark.parametrize("command", ["run", "verify", "package"])
def test_help_runs(command: str, cli: Call) -> None:
    code, stdout, _ = cli(command, "--help")
    assert code == 0
    assert stdout.startswith(f"Usage: ccnet-edge {command}")


def test_run_and_verify_never_import_torch(bundle: Path, image: Path, tmp_path: Path) -> None:
    for arguments in (
        ["run", str(bundle), str(image), "-o", str(tmp_path / "out"), "--overlay"],
        ["verify", str(bundle), "--no-measure"],
    ):
        program = (
            "import atexit, sys\nfrom ccnet_edge.cli import main\n"
            "atexit.register(lambda: print({'torch', 'onnx', 'pydantic'} & sys.modules.keys()))\n"
            f"sys.argv = {['ccnet-edge', *arguments]!r}\nmain()"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines()[-1] == "set()"
