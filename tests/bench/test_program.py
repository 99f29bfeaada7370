"""The native engine on devices that have a shell and no Python, over a real ssh connection."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ccnet_edge.bench import (
    open_host,
    open_subject,
    peak_memory,
    run_bench,
    segment_on,
    verify_on,
)
from ccnet_edge.bench.program import pam
from ccnet_edge.device.backends import native_build
from ccnet_edge.device.bundle.pack import write_archive
from ccnet_edge.device.bundle.write import write_bundle
from ccnet_edge.device.gates import instruction_set
from ccnet_edge.device.timer import Extent
from ccnet_edge.errors import DeviceError, MissingExtraError
from ccnet_edge.export import export
from ccnet_edge.native.footprint import PROCESS_BYTES, footprint
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.targets import load_profile
from tests.bench.conftest import parts
from tests.bench.sshd import Sshd
from tests.bench.test_ssh import left
from tests.conftest import Call
from tests.export.networks import HEIGHT, WIDTH, metadata_of, small_spec, write_trained

pytestmark = pytest.mark.ssh


@pytest.fixture
def shell_only(sshd: Sshd) -> str:
    """The URL of a device that has no Python."""
    return f"{sshd.url}?python=python3.99"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the native engine for this machine's instruction set."""
    folder = tmp_path_factory.mktemp("native")
    model = folder / "model.ccnet"
    try:
        artifact = export("native", write_trained(folder / "trained", small_spec()), model)
    except MissingExtraError as error:
        pytest.skip(str(error))
    known, content = metadata_of(small_spec()), model.read_bytes()
    whole = parts(model)
    target = replace(load_profile("handheld-arm"), instruction_set=instruction_set())
    assert whole.trained is not None
    trained = replace(whole.trained, network=known.network, preprocessing=known.preprocessing)
    write_bundle(
        replace(
            whole,
            target=target,
            trained=trained,
            artifact=replace(
                artifact,
                size_bytes=len(content),
                sha256=hashlib.sha256(content).hexdigest(),
                shape=(1, 3, HEIGHT, WIDTH),
            ),
            options=SessionOptions(engine="native"),
            golden=np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8),
        ),
        folder / "bundle",
    )
    write_archive(folder / "bundle", folder / "cells.zip")
    return folder / "cells.zip"


def test_the_program_alone_is_measured_and_judged(
    sshd: Sshd, shell_only: str, archive: Path
) -> None:
    with open_subject(archive) as subject, open_host(shell_only) as host:
        report = run_bench(subject, host, on_target=True, extent=Extent(samples=64))
    assert report.on_target
    assert report.memory.environment.python == "none"
    planned = footprint(small_spec(), height=HEIGHT, width=WIDTH)
    assert report.memory.peak_bytes <= planned.ram_bytes
    assert report.memory.base_bytes <= PROCESS_BYTES
    assert len(report.latency.samples_ms) == 64
    assert report.latency.warm_up == 10
    assert report.latency.first_ms > 0
    assert report.latency.load_ms > 0
    assert {gate.status for gate in report.gates} <= {"passed", "not verified on target"}
    assert left(sshd) == []


def test_the_golden_image_goes_there_and_its_logits_come_back(
    sshd: Sshd, shell_only: str, archive: Path
) -> None:
    with open_host(shell_only) as host:
        found = verify_on(host, archive, measure=False)
    assert found.on_target
    assert found.golden.passed
    assert found.golden.relative_error <= 1e-5
    assert found.golden.flipped_share == 0
    assert left(sshd) == []


def test_images_are_segmented_by_the_program_to_the_masks_of_this_machine(
    sshd: Sshd, shell_only: str, archive: Path, cli: Call, tmp_path: Path
) -> None:
    images = []
    for number, size in enumerate([(HEIGHT, WIDTH, 3), (50, 70, 3), (31, 17)]):
        images.append(tmp_path / f"{number}.png")
        pixels = np.random.default_rng(number).integers(0, 256, size, np.uint8)
        Image.fromarray(pixels).save(images[-1])
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no image")
    there, here = tmp_path / "there", tmp_path / "here"
    found = cli("run", archive, *images, bad, "-o", there, "--host", shell_only, "--overlay")
    assert found.code == 2
    assert "1 of 4 images could not be segmented" in found.err
    assert cli("run", archive, *images, "-o", here, "--overlay").code == 0
    files = {path.relative_to(here) for path in here.rglob("*.png")}
    assert len(files) == 6
    for file in files:
        assert (there / file).read_bytes() == (here / file).read_bytes()
    assert left(sshd) == []


def test_images_do_not_pile_up_on_the_device(
    sshd: Sshd, shell_only: str, archive: Path, tmp_path: Path
) -> None:
    images = []
    for number in range(3):
        images.append(tmp_path / f"{number}.png")
        pixels = np.random.default_rng(number).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
        Image.fromarray(pixels).save(images[-1])
    with open_host(shell_only, keep=True) as host:
        assert len(segment_on(host, archive, images, tmp_path / "masks")) == 3
        there = [path.name for path in sshd.place.rglob("*") if path.is_file()]
        assert "image" not in there
    assert {"ccnet-run", "ccnet.weights"} <= {path.name for path in left(sshd)}


def test_a_model_without_a_program_for_the_device_is_refused(
    sshd: Sshd, shell_only: str, archive: Path
) -> None:
    sshd.program("uname", "echo riscv64")
    with (
        open_subject(archive) as subject,
        open_host(shell_only) as host,
        pytest.raises(DeviceError, match="holds no program for it") as error,
    ):
        run_bench(subject, host, on_target=True)
    assert "build for a target" in error.value.hint
    assert left(sshd) == []


def test_a_device_with_another_c_library_gets_a_program_that_needs_none(
    sshd: Sshd, shell_only: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = (*native_build.LINKED, "-Wl,--dynamic-linker=/lib/ld-of-another.so")
    model = tmp_path / "model.ccnet"
    with monkeypatch.context() as patch:
        patch.setattr(native_build, "LINKED", nowhere)
        try:
            export("native", write_trained(tmp_path / "trained", small_spec()), model)
        except MissingExtraError as error:
            pytest.skip(str(error))
    with open_host(shell_only) as host:
        options = SessionOptions(engine="native")
        found = peak_memory(host, model, options, shape=(1, 3, HEIGHT, WIDTH), inferences=2)
    assert 0 < found.base_bytes <= PROCESS_BYTES
    assert left(sshd) == []


def test_sixteen_bits_of_a_pam_are_big_endian() -> None:
    image = np.array([[[1], [258]]], np.uint16)
    assert pam(image) == b"P7\nWIDTH 2\nHEIGHT 1\nDEPTH 1\nMAXVAL 65535\nENDHDR\n\0\1\1\2"
