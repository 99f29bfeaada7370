"""A benchmark against one that was kept in a file: only where everything else is the same.

NOTE: two runs at two times are two processes, one of each, so what differs between processes of
the same model (1 % and less, benchmarks/results/against.json) is in their ratio, and so is the
machine's state. A slowdown of 10 % can be found like this, 5 % cannot; that takes both models at
once, in turn.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from ccnet_edge.bench.describe import describe_options
from ccnet_edge.bench.protocol import BenchReport
from ccnet_edge.errors import ConfigError, InvalidMeasurementError, LatencyMissedError, UsageError
from ccnet_edge.spec import serial
from ccnet_edge.spec.report import Environment, LatencyReport
from ccnet_edge.units import format_ms

# Ratios of medians up to this are equal; a slowdown of twice as much is found, since both runs'
# processes together vary by 1.5 % or less (standard deviation).
MARGIN, SLOWDOWN = 0.05, 0.10
# Clocks further apart than this are not the same clock.
CLOCK_LIMIT = 0.05
RANK = 50.0


@dataclass(frozen=True, kw_only=True)
class FileComparison:
    """`report` against the report in `file`; `ratio` is that of their medians.

    `differences` says why they cannot be compared, and is empty where they can.
    """

    file: str
    verdict: Literal["slower", "not slower", "not comparable"]
    ratio: float | None
    margin: float
    slowdown: float
    differences: tuple[str, ...]
    old_p50_ms: float | None
    report: BenchReport


@dataclass(frozen=True, kw_only=True)
class OldReport:
    """A report that was kept in `file`."""

    file: str
    report: BenchReport


def load_report(path: Path) -> OldReport:
    """The report that `bench --json` wrote to `path`.

    Raises:
        UsageError: the file holds something else.
    """
    try:
        return OldReport(file=str(path), report=serial.load(BenchReport, path))
    except ConfigError as error:
        raise UsageError(
            f"{path}: the output of ccnet-edge bench --json was wanted: {error.message}",
            hint=error.hint or "to compare with a model, name the model, bundle or build itself",
        ) from error


def compare_with(report: BenchReport, old: OldReport) -> FileComparison:
    """Whether `report`'s median is slower than that of `old`, where nothing else differs."""
    new_ms = report.latency.percentile_ms(RANK)
    old_ms = old.report.latency.percentile_ms(RANK)
    ratio = new_ms / old_ms if new_ms and old_ms else None
    found = tuple(differences(report, old.report))
    verdict: Literal["slower", "not slower", "not comparable"] = "not comparable"
    if not found and ratio is not None:
        verdict = "slower" if ratio > 1 + MARGIN else "not slower"
    return FileComparison(
        file=old.file,
        verdict=verdict,
        ratio=ratio,
        margin=MARGIN,
        slowdown=SLOWDOWN,
        differences=found,
        old_p50_ms=old_ms,
        report=report,
    )


def differences(new: BenchReport, old: BenchReport) -> Iterator[str]:
    """Everything beside the model that is not the same, or not known to be."""
    yield from _environments(new.latency.environment, old.latency.environment)
    if new.options != old.options:
        yield f"options: {describe_options(old.options)} then, {describe_options(new.options)} now"
    if new.shape != old.shape:
        yield f"input: {old.shape} then, {new.shape} now"
    yield from _governors(new.latency, old.latency)
    for name, report in (("then", old), ("now", new)):
        for problem in report.latency.problems:
            yield f"not valid {name}: {problem}"
        for note in report.latency.notes:
            yield f"{name}: {note}"


def check_with(found: FileComparison | None) -> None:
    """Raise where the new one is slower, or where they cannot be compared; None is neither.

    Raises:
        InvalidMeasurementError: something else differs, or one of them is not valid.
        LatencyMissedError: it is slower.
    """
    if found is None:
        return
    if found.differences:
        raise InvalidMeasurementError(
            f"{found.file} was not measured under the same conditions: "
            f"{'; '.join(found.differences)}",
            hint="compare the two models themselves, in turn: --against BUNDLE",
        )
    if found.verdict == "slower":
        raise LatencyMissedError(
            f"{found.report.subject} takes {found.ratio:.3f}× as long as in {found.file}: more "
            f"than {1 + found.margin:.2f}×"
        )


def describe_with(found: FileComparison | None) -> list[str]:
    """The comparison for people, without the report itself; no line for none."""
    if found is None:
        return []
    lines = [f"against   {found.file}"]
    if found.ratio is not None and found.old_p50_ms is not None:
        lines[0] += f": p50 {format_ms(found.old_p50_ms)} then, ratio {found.ratio:.3f}"
    lines += [f"INVALID   {difference}" for difference in found.differences]
    if found.verdict == "slower":
        lines.append(f"verdict   slower, by more than {found.margin:.0%}")
    if found.verdict == "not slower":
        lines.append(f"verdict   not slower: a slowdown of {found.slowdown:.0%} is ruled out")
    return lines


def _environments(new: Environment, old: Environment) -> Iterator[str]:
    for field in fields(Environment):
        now, then = getattr(new, field.name), getattr(old, field.name)
        if field.name != "versions" and now != then:
            yield f"{field.name.removesuffix('_bytes')}: {then} then, {now} now"
    was, has = dict(old.versions), dict(new.versions)
    for name in sorted(was.keys() | has.keys()):
        if was.get(name) != has.get(name):
            yield f"{name}: {was.get(name, 'none')} then, {has.get(name, 'none')} now"


def _governors(new: LatencyReport, old: LatencyReport) -> Iterator[str]:
    """The clock's governor and the clock itself."""
    now, then = new.conditions, old.conditions
    if now is None or then is None:
        yield "the machine was not watched " + ("then" if then is None else "now")
        return
    if now.governor != then.governor:
        yield f"governor: {then.governor or 'none shown'} then, {now.governor or 'none shown'} now"
    if bool(now.fastest_mhz) != bool(then.fastest_mhz):
        yield "clocks: shown only " + ("now" if now.fastest_mhz else "then")
    elif now.fastest_mhz:
        is_mhz, was_mhz = statistics.median(now.fastest_mhz), statistics.median(then.fastest_mhz)
        if abs(is_mhz - was_mhz) > CLOCK_LIMIT * was_mhz:
            yield f"clock: {was_mhz:.0f} MHz then, {is_mhz:.0f} MHz now"
