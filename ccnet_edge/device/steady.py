"""Whether times stay what they are: medians over windows of a run, and from when on they hold."""

from __future__ import annotations

import statistics
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from ccnet_edge.spec.conditions import Conditions, Series
from ccnet_edge.spec.report import Window

# A short run is looked at in tenths, a long one by the minute.
WINDOWS, WINDOW_S, MOST_WINDOWS = 10, 60.0, 60
# Medians of the two halves of a short run further apart than this: a busy or throttled machine.
DRIFT_LIMIT = 0.10
# In a steady state no window's median is further than this from theirs together.
STEADY_LIMIT = 0.05


def drift(samples_ms: Sequence[float]) -> float:
    """How much slower the second half's median is than the first's, relative to the first's."""
    half = len(samples_ms) // 2
    if half == 0:
        return 0.0
    first = statistics.median(samples_ms[:half])
    return (statistics.median(samples_ms[-half:]) - first) / first if first > 0 else 0.0


def windows(samples_ms: Sequence[float], conditions: Conditions | None) -> tuple[Window, ...]:
    """Parts of the run that are equally long, with their medians, clocks and temperatures.

    Args:
        samples_ms: times of inferences that followed each other.
        conditions: of the machine meanwhile, where it was watched.
    """
    clocks, temperatures, at_s = (
        (conditions.clocks, conditions.temperatures, conditions.at_s)
        if conditions is not None
        else ((), (), ())
    )
    ends_s = [end / 1e3 for end in accumulate(samples_ms)]
    total_s = ends_s[-1]
    count = min(MOST_WINDOWS, max(WINDOWS, round(total_s / WINDOW_S)), len(samples_ms))
    cuts = [bisect_right(ends_s, total_s * i / count) for i in range(count)]
    found = []
    for number, (first, last) in enumerate(zip(cuts, [*cuts[1:], len(ends_s)], strict=True)):
        if last > first:
            start_s, end_s = total_s * number / count, total_s * (number + 1) / count
            found.append(
                Window(
                    start_s=round(start_s, 3),
                    samples=last - first,
                    p50_ms=statistics.median(samples_ms[first:last]),
                    clock_mhz=_highest(clocks, at_s, start_s, end_s),
                    temperature_c=_highest(temperatures, at_s, start_s, end_s),
                )
            )
    return tuple(found)


def steady_from(parts: Sequence[Window]) -> int | None:
    """The first window of the steady state, which holds to the end.

    None where it does not begin in the first half.
    """
    for first in range((len(parts) + 1) // 2):
        medians = [part.p50_ms for part in parts[first:]]
        middle = statistics.median(medians)
        if all(abs(median - middle) <= STEADY_LIMIT * middle for median in medians):
            return first
    return None


def _highest(
    series: Sequence[Series], at_s: tuple[float, ...], start_s: float, end_s: float
) -> float | None:
    """The largest of the series' means in a window: the core that works, the hottest sensor."""
    means = [each.between(start_s, end_s, at_s) for each in series]
    return max((mean for mean in means if mean is not None), default=None)
