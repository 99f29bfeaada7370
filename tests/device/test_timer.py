"""Laws of timing: samples that percentiles need, counts that fit the time, honest problems."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccnet_edge.device.backends.fake import FakeClock, FakeSession
from ccnet_edge.device.timer import (
    RANKS,
    drift,
    needed_samples,
    noise,
    percentile_ms,
    time_model,
    time_session,
)
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.report import LatencyReport

X = np.zeros((1, 1, 4, 4), np.float32)


@pytest.mark.parametrize(("rank", "needs"), [(90.0, 64), (95.0, 130), (99.0, 662)])
def test_percentiles_need_the_samples_of_mlperfs_table(rank: float, needs: int) -> None:
    assert needed_samples(rank) == needs


@pytest.mark.parametrize("rank", RANKS)
def test_the_need_is_the_least_count_that_is_99_percent_sure(rank: float) -> None:
    def at_most_one_over(n: int) -> float:
        over = 1 - rank / 100
        return sum(math.comb(n, k) * over**k * (1 - over) ** (n - k) for k in (0, 1))

    n = needed_samples(rank)
    assert at_most_one_over(n) <= 0.01 < at_most_one_over(n - 1)


@given(st.lists(st.floats(0, 1e3), min_size=1, max_size=50), st.sampled_from(RANKS))
def test_a_percentile_is_the_least_sample_that_enough_do_not_exceed(
    samples: list[float], rank: float
) -> None:
    value = percentile_ms(samples, rank)
    assert value == np.percentile(samples, rank, method="inverted_cdf")


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
        samples=samples,
        time_limit_s=limit_s,
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


def test_outliers_do_not_make_a_drift() -> None:
    assert drift([10.0] * 50 + [10.0] * 40 + [500.0] * 10) == 0
    assert drift([5.0]) == 0
    assert drift([1.0, 9.0, 2.0]) == pytest.approx(1.0)  # the middle sample is in neither half


def test_noise_is_the_same_in_every_process_and_like_a_normalised_image() -> None:
    x = noise((1, 3, 64, 64))
    assert x.dtype == np.float32
    assert np.array_equal(x, noise([1, 3, 64, 64]))
    assert abs(float(x.mean())) < 0.01
    assert abs(float(x.std()) - 1) < 0.01
    along = np.corrcoef(x[0, :, :, 1:].ravel(), x[0, :, :, :-1].ravel())[0, 1]
    assert abs(along) < 0.5  # not a ramp, whose neighbours are alike


def test_a_real_model_is_timed_and_the_report_survives_json(threshold_model: Path) -> None:
    report = time_model(threshold_model, SessionOptions(), shape=(1, 3, 32, 32), samples=64)
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

    time_session(FakeSession(), X, load_ms=0.0, samples=3, warm_up=0, progress=progress)
    assert seen == [("time", 1, 3), ("time", 2, 3), ("time", 3, 3)]


def test_reports_are_values() -> None:
    report = timed([1.0], samples=64)
    assert dataclasses.replace(report) == report
