"""The protocol: what is asked of a host, what is judged, what is kept, and the command."""

import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from ccnet_edge.bench import (
    BenchReport,
    FakeHost,
    LocalHost,
    check,
    counts_as_target,
    describe,
    open_subject,
    parse_host,
    record,
    require_valid,
    run_bench,
)
from ccnet_edge.cli import group
from ccnet_edge.cost.engine_memory import STANDING
from ccnet_edge.device.gates import instruction_set
from ccnet_edge.device.package import measured_path
from ccnet_edge.device.timer import Extent
from ccnet_edge.errors import (
    BudgetExceededError,
    BundleRefusedError,
    CcnetError,
    ConfigError,
    DeviceError,
    InvalidMeasurementError,
    LatencyMissedError,
    UsageError,
)
from ccnet_edge.spec import serial
from ccnet_edge.spec.bundle import Measurements
from ccnet_edge.spec.report import Environment, LatencyReport, MemoryReport
from ccnet_edge.targets import load_profile
from tests.bench.models import SHAPE
from tests.report.summaries import summary
from tests.spec.values import ENVIRONMENT

BUILD = summary()
JETSON = replace(ENVIRONMENT, machine="aarch64", processor="NVIDIA Jetson Orin Nano")


def fake_host(
    *,
    environment: Environment = JETSON,
    peak_bytes: int = 390_000_000,
    p90_ms: float = 30.0,
    problems: tuple[str, ...] = (),
) -> FakeHost:
    memory = replace(BUILD.memory, peak_bytes=peak_bytes, environment=environment)
    percentiles = tuple(
        replace(p, value_ms=p90_ms) if p.rank == 90 else p for p in BUILD.latency.percentiles
    )
    latency = replace(
        BUILD.latency, percentiles=percentiles, problems=problems, environment=environment
    )
    return FakeHost({"memory": serial.to_json(memory), "latency": serial.to_json(latency)})


def report_of(path: Path, host: FakeHost, *, on_target: bool = True) -> BenchReport:
    with open_subject(path) as subject:
        return run_bench(subject, host, on_target=on_target)


def statuses(report: BenchReport) -> dict[str, str]:
    return {gate.name: gate.status for gate in report.gates}


def test_a_host_is_asked_for_memory_and_then_for_times(archive: Path) -> None:
    host = fake_host()
    with open_subject(archive) as subject:
        run_bench(subject, host, on_target=True, extent=Extent(samples=70, time_limit_s=5.0))
    (first, model, memory), (second, _, latency) = host.asked
    assert (first, second, model.name) == ("memory", "latency", "model.onnx")
    given = dict(zip(latency[::2], latency[1::2], strict=True))
    assert given["--shape"] == "1,3,32,48"
    assert json.loads(str(given["--options"])) == serial.to_dict(BUILD.options)
    assert (given["--warm-up"], given["--samples"], given["--time-limit"]) == ("10", "70", "5.0")
    assert memory[-2:] == ("--inferences", "100")


def test_limits_are_judged_on_the_target(archive: Path) -> None:
    assert statuses(report_of(archive, fake_host())) == {"ram": "passed", "latency": "passed"}
    over = report_of(archive, fake_host(peak_bytes=400_000_001, p90_ms=33.1))
    assert statuses(over) == {"ram": "failed", "latency": "failed"}


def test_limits_are_not_judged_anywhere_else(archive: Path) -> None:
    for host, on_target in ((fake_host(), False), (fake_host(environment=ENVIRONMENT), True)):
        report = report_of(archive, host, on_target=on_target)
        assert not report.on_target
        assert set(statuses(report).values()) == {"not verified on target"}
        check(report)
        with pytest.raises(InvalidMeasurementError, match="not verified on target") as error:
            check(report, require_target=True)
        assert "--host ssh://" in error.value.hint


@pytest.mark.parametrize(
    ("host", "error", "code"),
    [
        (fake_host(peak_bytes=400_000_001, p90_ms=99.0), BudgetExceededError, 4),
        (fake_host(p90_ms=33.1), LatencyMissedError, 6),
        (fake_host(problems=("12 samples, but a p90 needs 64",)), InvalidMeasurementError, 8),
    ],
)
def test_a_missed_limit_is_the_exit_code(
    archive: Path, host: FakeHost, error: type[CcnetError], code: int
) -> None:
    with pytest.raises(error) as raised:
        check(report_of(archive, host))
    assert raised.value.exit_code == code


def test_times_that_are_not_valid_are_an_error_even_without_limits(model: Path) -> None:
    host = fake_host(problems=("the median of the second half is +20% from the first's",))
    with pytest.raises(InvalidMeasurementError, match=r"\+20%"):
        check(report_of(model, host))
    require_valid(BUILD.latency)


def test_a_bundle_folder_an_archive_and_a_build_are_the_same_subject(
    bundle: Path, archive: Path
) -> None:
    found = []
    for path in (bundle, archive, bundle.parent):
        with open_subject(path) as subject:
            assert subject.model.read_bytes() == (bundle / "model.onnx").read_bytes()
            found.append(replace(subject, model=Path()))
        assert not subject.model.exists()
    assert found[0] == found[1] == found[2]
    assert (found[0].ram_bytes, found[0].latency_ms) == (400e6, 33.0)


def test_a_bare_model_file_has_standing_options_and_no_limits(model: Path) -> None:
    with open_subject(model) as subject:
        assert subject.options == STANDING
        assert subject.shape == SHAPE
        assert (subject.target, subject.ram_bytes, subject.latency_ms) == (None, None, None)


def test_what_is_no_subject_is_refused(tmp_path: Path) -> None:
    for name, error in (("nothing", BundleRefusedError), ("nothing.onnx", ConfigError)):
        with pytest.raises(error), open_subject(tmp_path / name):
            pass


def test_a_device_over_ssh_counts_as_the_target_and_this_machine_where_it_is(
    archive: Path, model: Path
) -> None:
    here = replace(load_profile("x86-64"), instruction_set=instruction_set())
    elsewhere = replace(here, instruction_set="riscv64")
    with open_subject(archive) as subject:
        assert counts_as_target(parse_host("ssh://device"), subject)
        assert not counts_as_target(LocalHost(), subject)
        with pytest.raises(UsageError, match="--on-target"):
            counts_as_target(LocalHost(), replace(subject, target=elsewhere), said=True)
        assert counts_as_target(LocalHost(), replace(subject, target=here))
    with open_subject(model) as subject:
        assert not counts_as_target(LocalHost(), subject)


def test_a_host_that_prints_something_else_is_an_error(model: Path) -> None:
    host = FakeHost({"memory": "Segmentation fault"}, name="ssh://device")
    with pytest.raises(DeviceError, match="ssh://device did not print a MemoryReport"):
        report_of(model, host)


def test_what_was_measured_on_the_target_is_kept_beside_the_archive(archive: Path) -> None:
    written = record(report_of(archive, fake_host()), archive)
    assert written == measured_path(archive)
    kept = serial.load(Measurements, written)
    assert kept.archive_sha256 == serial.file_sha256(archive)
    assert [(gate.name, gate.status) for gate in kept.gates] == [
        ("disk", "passed"),
        ("ram", "passed"),
        ("latency", "passed"),
    ]
    assert kept.environment == JETSON
    assert kept.memory is not None
    assert kept.memory.peak_bytes == 390_000_000


def test_a_build_keeps_it_beside_its_archive_and_what_was_known_besides(archive: Path) -> None:
    build = archive.parent / "build"
    report = report_of(archive, fake_host())
    serial.save(replace(BUILD, archive=archive.name), build / "summary.json")
    with pytest.raises(UsageError, match=f"but {archive.name} is missing"):
        record(report, build)
    packed = archive.replace(build / archive.name)
    known = replace(report.gates[0], name="accuracy", measured=0.806, unit="share")
    written = record(report, build)
    kept = serial.load(Measurements, written)
    serial.save(replace(kept, gates=(*kept.gates, known)), written)
    assert serial.load(Measurements, record(report, packed)).gates[-1] == known
    serial.save(replace(kept, gates=(known,), archive_sha256="of another"), written)
    assert len(serial.load(Measurements, record(report, build)).gates) == 3


def test_nothing_is_kept_beside_a_folder(bundle: Path) -> None:
    with pytest.raises(UsageError, match="this is neither one nor a finished build"):
        record(report_of(bundle, fake_host()), bundle)


def test_a_report_says_every_figure_with_its_kind(archive: Path) -> None:
    text = describe(report_of(archive, fake_host(problems=("drifts",)), on_target=False))
    assert "NVIDIA Jetson Orin Nano" in text
    assert "not the target: no limit is judged" in text
    assert "p99 withheld (needs 662 samples)" in text
    assert text.splitlines()[-1] == "INVALID   drifts"
    assert "not verified on target (not valid, see below)" in text
    assert "64 samples in 2.6 s, after 10 to warm up" in text


def test_the_command_prints_one_json_document(bundle: Path) -> None:
    done = CliRunner().invoke(
        group, ["bench", str(bundle.parent), "--samples", "64", "--json"], standalone_mode=True
    )
    report = serial.from_json(BenchReport, done.stdout)
    assert (report.host, report.subject, report.on_target) == ("local", "cells-jetson", False)
    assert len(report.latency.samples_ms) == 64
    assert done.exit_code == 0 or not report.latency.valid


def test_too_few_samples_are_exit_8(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = fake_host(problems=("5 samples, but a p90 needs 64",))
    monkeypatch.setattr("ccnet_edge.bench.open_host", lambda _, **__: nullcontext(host))
    done = CliRunner().invoke(group, ["bench", str(model), "--samples", "5"])
    assert isinstance(done.exception, InvalidMeasurementError)
    assert done.exception.exit_code == 8
    assert "5 samples, but a p90 needs 64" in done.stdout


def test_reports_are_read_back_as_they_were_written(archive: Path) -> None:
    report = report_of(archive, fake_host())
    assert serial.from_json(BenchReport, serial.to_json(report)) == report
    assert isinstance(report.memory, MemoryReport)
    assert isinstance(report.latency, LatencyReport)


@pytest.mark.parametrize(("mode", "seconds"), [("quick", "10.0"), ("90s", "90.0")])
def test_a_mode_is_a_duration(
    model: Path, monkeypatch: pytest.MonkeyPatch, mode: str, seconds: str
) -> None:
    host = fake_host()
    monkeypatch.setattr("ccnet_edge.bench.open_host", lambda _, **__: nullcontext(host))
    done = CliRunner().invoke(group, ["bench", str(model), "--duration", mode])
    assert done.exit_code == 0, done.exception
    latency = next(words for command, _, words in host.asked if command == "latency")
    assert latency[latency.index("--duration") + 1] == seconds
    assert "--samples" not in latency


@pytest.mark.parametrize("other", [["--samples", "64"], ["--time-limit", "5s"]])
def test_a_duration_is_all_that_is_said_of_how_long(model: Path, other: list[str]) -> None:
    done = CliRunner().invoke(group, ["bench", str(model), "--duration", "quick", *other])
    assert isinstance(done.exception, UsageError)
    assert f"--duration and {other[0]} exclude each other" in str(done.exception)
