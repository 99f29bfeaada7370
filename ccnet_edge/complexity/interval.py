"""Means with a 95 % interval by Student's t, in closed form."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from ccnet_edge.spec.complexity import Mean

CONFIDENCE = 0.95


def mean_of(values: Sequence[float]) -> Mean:
    """The mean of `values` with the half-width of its 95 % interval, None for one value."""
    count = len(values)
    value = math.fsum(values) / count
    if count == 1:
        return Mean(value=value, half_width=None)
    error = statistics.stdev(values, xbar=value) / math.sqrt(count)
    return Mean(value=value, half_width=t_quantile(count - 1) * error)


def t_quantile(freedom: int, confidence: float = CONFIDENCE) -> float:
    """The t that Student's distribution stays within (−t, t) of with `confidence`.

    Args:
        freedom: degrees of freedom, at least 1.
    """
    low, high = 0.0, math.pi / 2  # of θ = arctan(t / √ν), which halving brings to full precision
    for _ in range(60):
        middle = (low + high) / 2
        if _within(middle, freedom) < confidence:
            low = middle
        else:
            high = middle
    return math.sqrt(freedom) * math.tan(high)


def _within(theta: float, freedom: int) -> float:
    """P(|T| < t) for θ = arctan(t / √ν): Abramowitz & Stegun 26.7.3 (odd ν) and 26.7.4 (even ν).

    A = 2/π · (θ + sin θ · (cos θ + 2/3 cos³θ + … + (2·4…(ν−3))/(3·5…(ν−2)) cos^(ν−2) θ)), or
    A = sin θ · (1 + 1/2 cos²θ + … + (1·3…(ν−3))/(2·4…(ν−2)) cos^(ν−2) θ).
    """
    cosine = math.cos(theta)
    odd = freedom % 2 == 1
    term, total = (cosine if odd else 1.0), 0.0
    for power in range(1 if odd else 0, freedom - 1, 2):
        total += term
        term *= cosine**2 * (power + 1) / (power + 2)
    series = math.sin(theta) * total
    return 2 / math.pi * (theta + series) if odd else series
