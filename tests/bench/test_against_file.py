"""`bench A --against old.json`: what has to be the same, and what a ratio means then."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from ccnet_edge.bench import (
    BenchReport,
    FakeHost,
    check_with,
    compare_with,
    describe_with,
    load_report,
    open_subject,
    run_bench,
)
from ccnet_edge.bench.against_file import OldReport
from ccnet_edge.cli import group
from ccnet_edge.errors import InvalidMeasurementError, LatencyMissedError, UsageError
from ccnet_edge.spec import serial
from ccnet_edge.spec.conditions import Conditions
from ccnet_edge.spec.report import LatencyReport
from tests.device.conditions.test_watch import QUIET
from tests.report.summaries import summary
from tests.spec.values import ENVIRONMENT

BUILD = summary()


def latency(p50_ms: float, *, conditions: Conditions | None = QUIET) -> LatencyReport:
    percentiles = tuple(
        replace(p, value_ms=p50_ms) if p.rank == 50 else p for p in BUILD.latency.percentiles
    )
    return replace(BUILD.latency, percentiles=percentiles, conditions=conditions)


@pytest.fixture
def old(model: Path) -> BenchReport:
    host = FakeHost(
        {"memory": serial.to_json(BUILD.memory), "latency": serial.to_json(latency(40.0))}
    )
    with open_subject(model) as subject:
        return run_bench(subject, host, on_target=False)


@pytest.mark.parametrize(
    ("p50_ms", "verdict"),
    [(30.0, "not slower"), (41.9, "not slower"), (42.1, "slower"), (44.0, "slower")],
)
def test_a_ratio_over_the_margin_is_slower_and_a_slowdown_of_10_percent_always_is(
    old: BenchReport, p50_ms: float, verdict: str
) -> None:
    found = compare_with(
        replace(old, latency=latency(p50_ms)), OldReport(file="old.json", report=old)
    )
    assert (found.verdict, found.differences) == (verdict, ())
    text = "\n".join(describe_with(found))
    assert f"p50 40 ms then, ratio {p50_ms / 40:.3f}" in text
    if verdict == "slower":
        with pytest.raises(LatencyMissedError, match=r"as long as in old\.json"):
            check_with(found)
    else:
        check_with(found)
        assert "a slowdown of 10% is ruled out" in text


def changed(report: BenchReport, name: str) -> BenchReport:
    """The same report of a machine, or a run, that differs in one thing."""
    of = report.latency
    clock = replace(QUIET.clocks[0], values=(1200.0, 1200.0, 1200.0))
    versions = (*ENVIRONMENT.versions, ("onnxruntime", "0.1"))
    latencies = {
        "processor": replace(of, environment=replace(ENVIRONMENT, processor="another")),
        "onnxruntime": replace(of, environment=replace(ENVIRONMENT, versions=versions)),
        "governor": replace(of, conditions=replace(QUIET, governor="powersave")),
        "clock:": replace(of, conditions=replace(QUIET, clocks=(clock,))),
        "clocks": replace(of, conditions=replace(QUIET, clocks=())),
        "not watched": replace(of, conditions=None),
        "not valid now": replace(of, problems=("drifts",)),
        "throttled": replace(of, notes=("throttled from 5 s on",)),
    }
    if name in latencies:
        return replace(report, latency=latencies[name])
    if name == "options":
        return replace(report, options=replace(report.options, threads=7))
    return replace(report, shape=(1, 3, 64, 64))


@pytest.mark.parametrize(
    "name",
    [
        "processor", "onnxruntime", "governor", "clock:", "clocks", "not watched",
        "not valid now", "throttled", "options", "input",
    ],
)  # fmt: skip
def test_anything_else_that_differs_is_said_and_makes_it_invalid(
    old: BenchReport, name: str
) -> None:
    found = compare_with(changed(old, name), OldReport(file="old.json", report=old))
    assert found.verdict == "not comparable"
    (difference,) = found.differences
    assert name in difference
    assert f"INVALID   {difference}" in describe_with(found)
    with pytest.raises(InvalidMeasurementError, match="not measured under the same conditions"):
        check_with(found)


def test_the_command_reads_what_it_printed_and_refuses_anything_else(
    model: Path, old: BenchReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = FakeHost(
        {"memory": serial.to_json(BUILD.memory), "latency": serial.to_json(latency(45.0))}
    )
    monkeypatch.setattr("ccnet_edge.bench.open_host", lambda _, **__: nullcontext(host))
    before = serial.save(old, tmp_path / "old.json")
    done = CliRunner().invoke(group, ["bench", str(model), "--against", str(before)])
    assert isinstance(done.exception, LatencyMissedError)
    assert "verdict   slower, by more than 5%" in done.stdout
    before.write_text("{}")
    asked = len(host.asked)
    done = CliRunner().invoke(group, ["bench", str(model), "--against", str(before)])
    assert isinstance(done.exception, UsageError)
    assert "the output of ccnet-edge bench --json was wanted" in str(done.exception)
    assert len(host.asked) == asked, "it is refused before anything is measured"


def test_a_report_is_loaded_with_its_file(old: BenchReport, tmp_path: Path) -> None:
    path = serial.save(old, tmp_path / "old.json")
    assert load_report(path) == OldReport(file=str(path), report=old)
