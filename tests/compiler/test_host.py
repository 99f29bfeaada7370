"""A build with the device at the other end of a real ssh connection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from PIL import Image

from ccnet_edge.bench import Host, segment_on
from ccnet_edge.compiler import build, check_build, preview, read_build
from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.device.gates import instruction_set
from ccnet_edge.errors import DeviceError, ParityError
from ccnet_edge.report import describe_build
from ccnet_edge.spec.plan import Limits
from ccnet_edge.targets import load_profile
from tests.bench.sshd import Sshd, serving
from tests.compiler.conftest import DISK, MakeRequest

pytestmark = [pytest.mark.ssh, pytest.mark.usefixtures("no_page")]

ROOMY = Limits(disk_bytes=DISK, ram_bytes=2**30, latency_ms=6e4)


@pytest.fixture
def sshd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    """The device."""
    with serving(tmp_path, monkeypatch) as server:
        yield server


def test_limits_are_judged_on_the_device_and_a_second_build_does_not_need_it(
    sshd: Sshd, data: SegmentationDataset, make_request: MakeRequest, tmp_path: Path
) -> None:
    target = replace(load_profile("jetson"), instruction_set=instruction_set(), cores=1)
    request = make_request(profile=target, host=sshd.url, limits=ROOMY)
    first = build(request, data, tmp_path / "build")
    status = {gate.name: gate.status for gate in first.gates}
    assert first.on_target
    assert status["ram"] == status["latency"] == "passed"
    left = [path for path in sshd.home.rglob("*") if path.is_file()]
    assert left == [], "nothing is left, not of the engine either"
    hop = first.parity.hops[-1]
    assert (hop.candidate, hop.flipped_share, hop.relative_error) == (sshd.url, 0.0, None)
    assert first.parity.passed
    assert sshd.url in describe_build(first)
    sshd.stop()
    second = build(request, data, tmp_path / "build")
    assert (second.memory, second.latency) == (first.memory, first.latency)
    assert second.parity == first.parity


def test_masks_that_are_others_on_the_device_fail_the_gate(
    sshd: Sshd,
    data: SegmentationDataset,
    make_request: MakeRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def inverted(host: Host, bundle: Path, images: Sequence[Path], out: Path) -> list[Path]:
        masks = segment_on(host, bundle, images, out)
        for mask in masks:
            Image.fromarray(255 - np.asarray(Image.open(mask))).save(mask)
        return list(masks)

    monkeypatch.setattr("ccnet_edge.compiler.compare.segment_on", inverted)
    target = replace(load_profile("jetson"), instruction_set=instruction_set(), cores=1)
    request = make_request(profile=target, host=sshd.url, limits=ROOMY)
    summary = build(request, data, tmp_path / "build")
    (gate,) = (gate for gate in summary.gates if gate.name == "parity")
    assert gate.status == "failed"
    assert f"→ {sshd.url}" in gate.note
    with pytest.raises(ParityError):
        check_build(summary)
    again, _ = read_build(tmp_path / "build")
    assert again.gates == summary.gates


def test_a_device_that_fails_in_the_end_costs_nothing_of_what_is_done(
    sshd: Sshd,
    data: SegmentationDataset,
    make_request: MakeRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lost(*_: object) -> NoReturn:
        raise DeviceError("the connection was cut")

    target = replace(load_profile("jetson"), instruction_set=instruction_set(), cores=1)
    request = make_request(profile=target, host=sshd.url, limits=ROOMY)
    with monkeypatch.context() as patch:
        patch.setattr("ccnet_edge.compiler.compare.segment_on", lost)
        with pytest.raises(DeviceError, match="the connection was cut"):
            build(request, data, tmp_path / "build")
    summary, page = read_build(tmp_path / "build")
    assert page.is_file()
    assert summary.parity.hops[-1].candidate != sshd.url
    found = preview(request, data, tmp_path / "build")
    there = {stage.stage: stage.there for stage in found.stages}
    assert there["bench"]
    assert not there["device-parity"]
    again = build(request, data, tmp_path / "build")
    assert again.parity.hops[-1].candidate == sshd.url
    assert again.latency == summary.latency
    found = preview(request, data, tmp_path / "build")
    assert {stage.stage: stage.there for stage in found.stages}["device-parity"]


def test_a_device_that_is_not_the_target_is_refused_before_anything_is_made(
    sshd: Sshd, data: SegmentationDataset, make_request: MakeRequest, tmp_path: Path
) -> None:
    sshd.program("uname", "echo armv7l")
    with pytest.raises(DeviceError, match="has the instruction set armv7l") as error:
        build(make_request(host=sshd.url), data, tmp_path / "build")
    assert error.value.exit_code == 7
    assert not (tmp_path / "build" / "training").exists()
