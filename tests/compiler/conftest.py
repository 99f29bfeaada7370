"""A small data set, and the request of a build that takes seconds."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ccnet_edge.bench import BenchReport, FakeHost, Subject, run_bench
from ccnet_edge.bench.hosts import Host
from ccnet_edge.compiler import finish, judging, proof, summarise_data
from ccnet_edge.cost.engine_memory import STANDING
from ccnet_edge.dataset import SegmentationDataset, open_dataset
from ccnet_edge.dataset.samples import write_samples
from ccnet_edge.degradation import find_preset
from ccnet_edge.errors import InvalidMeasurementError
from ccnet_edge.spec import serial
from ccnet_edge.spec.build import BuildRequest, BuildSummary
from ccnet_edge.spec.plan import Limits
from ccnet_edge.spec.report import LatencyReport, MemoryReport, RamProof
from ccnet_edge.targets import load_profile
from ccnet_edge.train import pace
from ccnet_edge.verify import meter, tuning
from tests.export.networks import translated_once

SIZE = 32
DISK = 320_000
MakeRequest = Callable[..., BuildRequest]


@contextmanager
def quick() -> Iterator[None]:
    """What builds spend on measuring well is spent in other tests.

    One set of the engine's options is tried, times count as valid however busy the machine that
    tests is, a few steps say how fast training is, and a network is translated once.
    """
    real = run_bench

    def valid(*arguments: Any, **more: Any) -> BenchReport:
        found = real(*arguments, **more)
        return replace(found, latency=replace(found.latency, problems=()))

    with pytest.MonkeyPatch.context() as patch, translated_once():
        patch.setitem(tuning.CANDIDATES, STANDING.engine, (STANDING,))
        patch.setattr(judging, "run_bench", valid)
        patch.setattr(pace, "_ESTIMATE_S", 0.1)
        yield


@pytest.fixture(autouse=True)
def quick_builds() -> Iterator[None]:
    """Builds of every test here are `quick`."""
    with quick():
        yield


@pytest.fixture
def no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """No charts are drawn: the page has tests of its own."""

    def write(_summary: BuildSummary, *, examples: tuple[Path, ...], path: Path) -> Path:
        return serial.write_text(path, f"{len(examples)} examples")

    monkeypatch.setattr(finish, "write_report", write)


@contextmanager
def measured_as(
    memory: MemoryReport, latency: LatencyReport, held: RamProof | None
) -> Iterator[None]:
    """No process measures: memory, times and proof are these; None where no limit can be set."""
    printed = {"memory": serial.to_json(memory), "latency": serial.to_json(latency)}
    host = FakeHost(printed, name="local")

    def bench(subject: Subject, _: Host, **more: Any) -> BenchReport:
        return run_bench(subject, host, **more)

    def prove(*_: Any, **__: Any) -> RamProof:
        if held is None:
            raise InvalidMeasurementError("no limit can be set here")
        return held

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judging, "run_bench", bench)
        patch.setattr(meter, "measure_fresh", lambda *_, **__: memory)
        patch.setattr(proof, "prove_model", prove)
        yield


@pytest.fixture
def as_measured(built: Path) -> Iterator[None]:
    """What was measured of the finished build stands for every other."""
    found = serial.load(BuildSummary, built / "summary.json")
    with measured_as(found.memory, found.latency, found.proof):
        yield


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> SegmentationDataset:
    """Twelve images of cells, 32 × 32."""
    return open_dataset(write_samples(tmp_path_factory.mktemp("data") / "cells", count=12, size=32))


@pytest.fixture
def make_request(data: SegmentationDataset) -> MakeRequest:
    """`request_for`: a request for the small data set, with changes."""

    def make(**changes: Any) -> BuildRequest:
        return request_for(data, **changes)

    return make


def request_for(data: SegmentationDataset, **changes: Any) -> BuildRequest:
    """Four steps of a network of at most 320 kB for a Jetson."""
    request = BuildRequest(
        profile=load_profile("jetson"),
        data=summarise_data(data),
        architecture="unet",
        degradation=find_preset("cc21", architecture="unet", metric="f1"),
        limits=Limits(disk_bytes=DISK, ram_bytes=2**28, latency_ms=1e3),
        multiplier="layerwise",
        formulation="exact",
        minimise="disk",
        height=SIZE,
        width=SIZE,
        recipe="quick",
        steps=4,
        time_limit_s=None,
        seed=0,
        device="cpu",
        train_base=False,
        base_accuracy=None,
        floor=None,
        host="local",
    )
    return replace(request, **changes)


@pytest.fixture(scope="session")
def built(data: SegmentationDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a finished build; read it, do not change it."""
    from ccnet_edge.compiler import build

    folder = tmp_path_factory.mktemp("build") / "cells"
    with quick():
        build(request_for(data), data, folder)
    return folder


@pytest.fixture
def copy(built: Path, tmp_path: Path) -> Path:
    """The same in a directory of its own, to change."""
    shutil.copytree(built, tmp_path / "copy")
    return tmp_path / "copy"
