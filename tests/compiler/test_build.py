"""A build leaves a bundle, an archive, a summary and a page that agree with each other."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from ccnet_edge.bench import BenchReport
from ccnet_edge.cli.documents import DOCUMENTS
from ccnet_edge.compiler import build, judging, read_build
from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.device.bundle import open_bundle
from ccnet_edge.device.cgroup import memory_group
from ccnet_edge.device.verify import verify_bundle
from ccnet_edge.errors import InfeasibleError, InvalidMeasurementError, UsageError
from ccnet_edge.report import describe_build
from ccnet_edge.spec import serial
from ccnet_edge.spec.build import BuildSummary
from ccnet_edge.spec.bundle import Measurements
from ccnet_edge.spec.plan import Limits
from ccnet_edge.spec.schema import json_schema
from ccnet_edge.store import Store
from tests.compiler.conftest import DISK, MakeRequest


def test_everything_that_a_build_promises_is_there(built: Path) -> None:
    summary, page = read_build(built)
    assert summary.fit
    assert [gate.name for gate in summary.gates] == ["parity", "disk", "ram", "latency", "accuracy"]
    assert summary.artifacts[0].size_bytes == (built / "model.onnx").stat().st_size <= DISK
    archive = built / summary.archive
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == summary.archive_sha256
    assert serial.load(Measurements, built / "measured.json").archive_sha256 == (
        summary.archive_sha256
    )
    assert open_bundle(archive).manifest == open_bundle(built / "bundle").manifest
    text = page.read_text()
    assert "cells on NVIDIA Jetson Orin Nano" in text
    assert text.count("data:image/png;base64,") == len(list((built / "examples").glob("*.png")))


@pytest.mark.usefixtures("no_page")
def test_what_the_target_has_to_say_is_left_open_elsewhere(built: Path) -> None:
    status = {gate.name: gate.status for gate in read_build(built)[0].gates}
    assert status["ram"] == status["latency"] == "not verified on target"
    assert status["parity"] == status["disk"] == "passed"


def test_the_memory_budget_is_held_on_this_machine_where_it_lets_a_limit_be_set(
    built: Path,
) -> None:
    summary = serial.load(BuildSummary, built / "summary.json")
    try:
        with memory_group(2**28):
            pass
    except InvalidMeasurementError as error:
        assert summary.proof is None
        pytest.skip(error.message)
    assert summary.proof is not None
    assert summary.proof.held
    assert summary.proof.limit_bytes == summary.request.limits.ram_bytes
    line = f"{summary.proof.inferences} inferences held to 256.0 MiB on this machine"
    assert line in describe_build(summary)


@pytest.mark.usefixtures("no_page")
def test_the_archive_verifies_itself(built: Path) -> None:
    found = verify_bundle(built / read_build(built)[0].archive, measure=False)
    assert found.identical
    assert found.golden.passed


@pytest.mark.usefixtures("no_page")
def test_no_stage_is_made_twice_for_the_same_inputs(
    built: Path, data: SegmentationDataset, make_request: MakeRequest
) -> None:
    receipts = {path: path.stat().st_mtime_ns for path in (built / "receipts").iterdir()}
    before = serial.load(BuildSummary, built / "summary.json")
    assert build(make_request(), data, built) == before
    assert {path: path.stat().st_mtime_ns for path in receipts} == receipts


@pytest.mark.slow
def test_a_build_elsewhere_gives_the_same_archive(
    built: Path, data: SegmentationDataset, make_request: MakeRequest, tmp_path: Path
) -> None:
    # The options are chosen by a clock; all else is a function of the request.
    for name in ("options.json", "receipts/options.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(built / name, tmp_path / name)
    again = build(make_request(), data, tmp_path)
    assert again.archive_sha256 == read_build(built)[0].archive_sha256


@pytest.mark.usefixtures("no_page")
def test_what_was_measured_on_the_target_stands_in_the_summary(
    copy: Path, data: SegmentationDataset, make_request: MakeRequest
) -> None:
    measured = json.loads((copy / "measured.json").read_text())
    for gate in measured["gates"]:
        if gate["name"] in ("ram", "latency"):
            gate["status"] = "passed"
    (copy / "measured.json").write_text(json.dumps(measured))
    for summary in (build(make_request(), data, copy), read_build(copy)[0]):
        assert {gate.status for gate in summary.gates} == {"passed", "no limit"}


def test_an_infeasible_build_leaves_no_network(
    data: SegmentationDataset, make_request: MakeRequest, tmp_path: Path
) -> None:
    with pytest.raises(InfeasibleError, match="disk"):
        build(make_request(limits=Limits(disk_bytes=2_000)), data, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {".lock", "complexity.json", "receipts"}


def test_two_builds_do_not_share_a_folder(
    data: SegmentationDataset, make_request: MakeRequest, tmp_path: Path
) -> None:
    with Store(tmp_path).lock(), pytest.raises(UsageError, match="another process is building"):
        build(make_request(), data, tmp_path)


def test_a_folder_without_a_build_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a finished build was wanted"):
        read_build(tmp_path)


@pytest.mark.usefixtures("no_page")
def test_times_that_are_not_valid_are_taken_again_by_the_next_build(
    copy: Path,
    data: SegmentationDataset,
    make_request: MakeRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    good = serial.load(BenchReport, copy / "bench.json")
    busy = replace(good, latency=replace(good.latency, problems=("the machine was busy",)))
    found = iter([busy] * judging.BENCH_ATTEMPTS + [good])
    monkeypatch.setattr(judging, "run_bench", lambda *_, **__: next(found))
    (copy / "receipts" / "bench.json").unlink()
    first = build(make_request(), data, copy)
    assert not first.latency.valid
    assert "latency not valid" in describe_build(first)
    assert build(make_request(), data, copy).latency.valid


@pytest.mark.usefixtures("no_page")
def test_a_lost_measured_json_is_written_again(
    copy: Path, data: SegmentationDataset, make_request: MakeRequest
) -> None:
    before = (copy / "measured.json").read_bytes()
    (copy / "measured.json").unlink()
    build(make_request(), data, copy)
    assert (copy / "measured.json").read_bytes() == before


def test_what_a_build_leaves_is_what_the_published_schemas_say(built: Path) -> None:
    kept = {name: document.file for name, document in DOCUMENTS.items() if document.file}
    for name, file in kept.items():
        places = [built / folder / file for folder in ("", "train", "bundle")]
        places = [path for path in places if path.is_file()]
        assert places, file
        for path in places:
            schema = json_schema(DOCUMENTS[name].cls, name)
            jsonschema.validate(json.loads(path.read_text()), schema)
