"""Laws of the steady state: windows that share out a run, and from when on their medians hold."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccnet_edge.device.steady import drift, steady_from, windows
from ccnet_edge.spec.conditions import Series
from ccnet_edge.spec.report import Window
from tests.device.conditions.test_watch import QUIET


def parts(*medians_ms: float) -> tuple[Window, ...]:
    return tuple(
        Window(start_s=60.0 * i, samples=100, p50_ms=median, clock_mhz=None, temperature_c=None)
        for i, median in enumerate(medians_ms)
    )


def test_outliers_do_not_make_a_drift() -> None:
    assert drift([10.0] * 50 + [10.0] * 40 + [500.0] * 10) == 0
    assert drift([5.0]) == 0
    assert drift([1.0, 9.0, 2.0]) == pytest.approx(1.0)  # the middle sample is in neither half


@given(st.lists(st.floats(0.01, 1e4), min_size=1, max_size=200))
def test_windows_share_out_every_sample_in_order(samples: list[float]) -> None:
    found = windows(samples, None)
    assert sum(part.samples for part in found) == len(samples)
    starts = [part.start_s for part in found]
    assert starts == sorted(starts)


def test_a_window_has_its_own_median_clock_and_temperature() -> None:
    """Ten seconds: five at 10 ms and 2400 MHz, then five at 20 ms and 1200 MHz."""
    samples = [10.0] * 500 + [20.0] * 250
    clock = Series(name="c", unit="MHz", source="x", values=(2400.0, 2400.0, 1200.0))
    hot = Series(name="t", unit="°C", source="x", values=(50.0, 60.0, None))
    seen = replace(QUIET, at_s=(0.5, 4.5, 9.5), clocks=(clock,), temperatures=(hot,))
    found = windows(samples, seen)
    assert len(found) == 10
    assert (found[0].p50_ms, found[0].clock_mhz, found[0].temperature_c) == (10.0, 2400.0, 50.0)
    assert (found[4].p50_ms, found[4].temperature_c) == (10.0, 60.0)
    assert (found[9].p50_ms, found[9].clock_mhz, found[9].temperature_c) == (20.0, 1200.0, None)
    assert found[2].clock_mhz is None
    assert windows(samples, None)[0].clock_mhz is None


def test_a_run_of_half_an_hour_is_looked_at_by_the_minute() -> None:
    assert len(windows([1000.0] * 1800, None)) == 30


def test_the_steady_state_begins_after_the_last_change() -> None:
    assert steady_from(parts(10, 10, 10.2, 9.9)) == 0
    assert steady_from(parts(10, 11, 13, 14, 14, 14.1, 14, 13.9)) == 3
    # It would begin in the second half, or never.
    assert steady_from(parts(10, 10, 10, 10, 14, 14)) is None
    assert steady_from(parts(10, 12, 10, 12, 10, 12)) is None
