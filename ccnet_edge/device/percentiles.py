"""Percentiles of latency, each with the samples that it needs and a bound that it is not above.

MLPerf Inference's early stopping (mlcommons/inference_policies, inference_rules.adoc, "Early
Stopping Criterion"): of n samples, with X ~ Binomial(n, 1 − p) of them above the percentile p,

    t(n) = the largest t with P(X ≤ t) ≤ 1 − c,    c = 0.99.

More than t samples are then above the percentile, except in a share 1 − c of all repetitions, so
the t-th largest is a bound that it does not exceed; t − 1 are discarded. (The one after it would
do; MLPerf's loadgen takes this one.) While t(n) is below 1 there is none, which gives the fewest
samples: 64 for a p90, 130 for a p95, 662 for a p99.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ccnet_edge.spec.report import Percentile

RANKS = (50.0, 90.0, 95.0, 99.0)
# A percentile is given only where this share of repetitions would bear it out.
CONFIDENCE = 0.99


def percentiles(samples_ms: Sequence[float]) -> tuple[Percentile, ...]:
    """All of `RANKS`; those with too few samples are withheld."""
    ordered = sorted(samples_ms)
    return tuple(_percentile(ordered, rank) for rank in RANKS)


def needed_samples(rank: float) -> int:
    """The fewest samples that bear out a percentile: the least n with t(n) ≥ 1."""
    p = rank / 100
    n = 2
    while p**n + n * (1 - p) * p ** (n - 1) > 1 - CONFIDENCE:
        n += 1
    return n


def discarded(count: int, rank: float) -> int:
    """t(n) − 1: how many of the largest of `count` samples are above the bound; negative for none.

    The binomial's terms are added from 0 on, each from the one before, in logarithms since the
    first is too small for a float where there are many.
    """
    above = 1 - rank / 100
    log_term = count * math.log1p(-above)
    total, t = math.exp(log_term), 0
    if total > 1 - CONFIDENCE:
        return -2
    while True:
        log_term += math.log((count - t) / (t + 1)) + math.log(above) - math.log1p(-above)
        total += math.exp(log_term)
        if total > 1 - CONFIDENCE:
            return t - 1
        t += 1


def percentile_ms(ordered_ms: Sequence[float], rank: float) -> float:
    """The nearest-rank percentile: the least sample that `rank` % of all do not exceed.

    Args:
        ordered_ms: the samples, from the least on.
        rank: 0 to 100.
    """
    return ordered_ms[max(0, math.ceil(rank / 100 * len(ordered_ms)) - 1)]


def _percentile(ordered: Sequence[float], rank: float) -> Percentile:
    needs = needed_samples(rank)
    if len(ordered) < needs:
        return Percentile(rank=rank, value_ms=None, needs=needs)
    return Percentile(
        rank=rank,
        value_ms=percentile_ms(ordered, rank),
        needs=needs,
        upper_ms=ordered[-1 - discarded(len(ordered), rank)],
    )
