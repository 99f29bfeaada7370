"""Laws of timing: samples that percentiles need, counts that fit the time, honest problems."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ccnet_edge.device.backends.fake import FakeClock, FakeSession
from ccnet_edge.device.timer import Extent, noise, time_model, time_session
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.conditions import Conditions, Energy, Throttling
from ccnet_edge.spec.report import LatencyReport
from tests.device.conditions.test_watch import QUIET

X = np.zeros((1, 1, 4, 4), np.float32)


def timed(
    times_ms: list[float], *, warm_up: int = 0, samples: int | None = None, limit_s: float = 60.0
) -> LatencyReport:
    clock = FakeClock()
    session = FakeSession(clock=clock, times_ms=times_ms)
    return time_session(
        session,
        X,
        load_ms=7.0,
        warm_up=warm_up,
        extent=Extent(samples=samples, time_limit_s=limit_s),
        clock=clock,
    )


def test_load_first_and_warm_up_are_no_samples() -> None:
    report = timed([100.0, 50.0, 50.0, *[1.0] * 64], warm_up=2, samples=64)
    assert (report.load_ms, report.warm_up) == (7.0, 2)
    assert report.first_ms == pytest.approx(100)
    assert report.samples_ms == pytest.approx((1.0,) * 64)
    assert report.valid


@pytest.mark.parametrize(
    ("limit_s", "count"), [(7.0, 662), (6.6, 130), (1.3, 130), (1.2, 64), (0.1, 64)]
)
def test_as_many_samples_are_taken_as_a_percentile_needs_and_the_time_allows(
    limit_s: float, count: int
) -> None:
    report = timed([10.0], warm_up=3, limit_s=limit_s)
    assert len(report.samples_ms) == count


def test_a_percentile_with_too_few_samples_is_withheld() -> None:
    report = timed([2.0], samples=130)
    given = {p.rank: p.value_ms for p in report.percentiles}
    assert given == pytest.approx({50.0: 2.0, 90.0: 2.0, 95.0: 2.0, 99.0: None})
    assert {p.rank: p.needs for p in report.percentiles}[99.0] == 662
    assert report.valid


def test_fewer_samples_than_a_p90_needs_is_not_valid_and_says_so() -> None:
    report = timed([2.0], samples=63)
    assert report.problems == ("63 samples, but a p90 needs 64",)
    assert report.percentile_ms(90.0) is None


def test_a_median_that_drifts_is_not_valid_and_says_so() -> None:
    report = timed([1.0, *[10.0] * 100, *[11.5] * 100], samples=200)
    assert report.drift == pytest.approx(0.15)
    assert not report.valid
    assert "+15% from the first's (limit 10%)" in report.problems[0]
    faster = timed([1.0, *[10.0] * 100, *[8.0] * 100], samples=200)
    assert not faster.valid


def test_noise_is_the_same_in_every_process_and_like_a_normalised_image() -> None:
    x = noise((1, 3, 64, 64))
    assert x.dtype == np.float32
    assert np.array_equal(x, noise([1, 3, 64, 64]))
    assert abs(float(x.mean())) < 0.01
    assert abs(float(x.std()) - 1) < 0.01
    along = np.corrcoef(x[0, :, :, 1:].ravel(), x[0, :, :, :-1].ravel())[0, 1]
    assert abs(along) < 0.5  # not a ramp, whose neighbours are alike


def test_a_real_model_is_timed_and_the_report_survives_json(threshold_model: Path) -> None:
    report = time_model(
        threshold_model, SessionOptions(), shape=(1, 3, 32, 32), extent=Extent(samples=64)
    )
    assert report.load_ms > 0
    assert min(report.samples_ms) > 0
    assert serial.from_json(LatencyReport, serial.to_json(report)) == report
    p50 = report.percentile_ms(50.0)
    assert p50 is not None
    assert min(report.samples_ms) <= p50 <= max(report.samples_ms)


def test_progress_is_told_about_every_sample() -> None:
    seen: list[tuple[str, int, int]] = []

    def progress(stage: str, *, done: int, total: int, note: str = "") -> None:
        seen.append((stage, done, total))

    time_session(
        FakeSession(), X, load_ms=0.0, extent=Extent(samples=3), warm_up=0, progress=progress
    )
    assert seen == [("time", 1, 3), ("time", 2, 3), ("time", 3, 3)]


def test_reports_are_values() -> None:
    report = timed([1.0], samples=64)
    assert replace(report) == report


class Seen:
    """A watch that has seen `conditions`, and that notes when it was told to begin and end."""

    def __init__(self, session: FakeSession, conditions: Conditions) -> None:
        self._session, self._conditions = session, conditions
        self.began_after = self.ended_after = -1

    def begin(self) -> None:
        self.began_after = self._session.runs

    def end(self) -> Conditions:
        self.ended_after = self._session.runs
        return self._conditions


def for_s(duration_s: float, times_ms: list[float], **kinds: object) -> LatencyReport:
    clock = FakeClock()
    session = FakeSession(clock=clock, times_ms=[times_ms[0], *times_ms])
    watch = Seen(session, replace(QUIET, **kinds))  # type: ignore[arg-type]
    extent = Extent(duration_s=duration_s)
    return time_session(session, X, load_ms=0.0, warm_up=0, extent=extent, clock=clock, watch=watch)


def test_a_run_lasts_as_long_as_it_was_told_and_until_there_is_a_p90() -> None:
    assert len(for_s(10.0, [125.0]).samples_ms) == 80
    slow = for_s(10.0, [1000.0])
    assert len(slow.samples_ms) == 64
    assert slow.valid
    assert slow.duration_s == 10.0


def test_only_what_is_seen_while_samples_are_taken_counts() -> None:
    session = FakeSession()
    watch = Seen(session, QUIET)
    report = time_session(
        session, X, load_ms=0.0, warm_up=2, extent=Extent(samples=64), watch=watch
    )
    assert (watch.began_after, watch.ended_after) == (3, 67)
    assert report.conditions == QUIET


SLOWS_DOWN = [10.0] * 12_000 + [14.0] * 40_000


def test_a_short_run_that_is_throttled_is_not_valid_and_says_so() -> None:
    hot = Throttling(what="5 throttling events", source="/sys/x", from_s=4.0)
    report = for_s(60.0, [10.0], throttled=(hot,))
    assert report.problems == ("throttled from 4 s on: 5 throttling events (/sys/x)",)
    assert report.notes == ()


def test_a_long_run_reports_what_the_machine_keeps_up() -> None:
    """Two minutes at 10 ms, then throttled to 14 ms: the p90 is the steady state's."""
    hot = Throttling(what="5 throttling events", source="/sys/x", from_s=120.0)
    report = for_s(600.0, SLOWS_DOWN, throttled=(hot,))
    assert report.valid
    assert report.notes == ("throttled from 120 s on: 5 throttling events (/sys/x)",)
    assert report.percentile_ms(50.0) == 14.0
    assert report.samples_ms[report.steady_from - 1] == 10.0
    assert report.samples_ms[report.steady_from] == 14.0
    assert report.windows[0].p50_ms == 10.0


def test_a_long_run_that_does_not_settle_is_not_valid() -> None:
    report = for_s(600.0, [10.0] * 40_000 + [14.0] * 40_000)
    assert report.steady_from == 0
    assert any("no steady state" in problem for problem in report.problems)


def test_other_load_makes_any_run_invalid() -> None:
    assert QUIET.load is not None
    load = replace(QUIET.load, steal_share=0.2)
    for duration_s in (10.0, 600.0):
        assert any("hypervisor" in said for said in for_s(duration_s, [50.0], load=load).problems)


def test_energy_is_told_for_an_inference_where_there_is_a_meter() -> None:
    report = for_s(10.0, [125.0], energy=Energy(joules=40.0, source="/sys/x"))
    assert report.energy_mj == pytest.approx(500)
    assert for_s(10.0, [125.0]).energy_mj is None
