"""Laws of percentiles: MLPerf's own figures, the binomial itself, and bounds that hold."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccnet_edge.device.percentiles import (
    RANKS,
    discarded,
    needed_samples,
    percentile_ms,
    percentiles,
)

SAMPLES = st.lists(st.floats(0, 1e3), min_size=1, max_size=50)


def at_most(t: int, n: int, rank: float) -> float:
    """P(X ≤ t) for X ~ Binomial(n, 1 − rank / 100)."""
    over = 1 - rank / 100
    return sum(math.comb(n, k) * over**k * (1 - over) ** (n - k) for k in range(t + 1))


@pytest.mark.parametrize(("rank", "needs"), [(90.0, 64), (95.0, 130), (99.0, 662)])
def test_percentiles_need_the_samples_of_mlperfs_table(rank: float, needs: int) -> None:
    assert needed_samples(rank) == needs


@pytest.mark.parametrize("rank", RANKS)
def test_the_need_is_the_least_count_that_is_99_percent_sure(rank: float) -> None:
    n = needed_samples(rank)
    assert at_most(1, n, rank) <= 0.01 < at_most(1, n - 1, rank)


# Queries, percentile, and how many were discarded: from logs of published MLPerf results.
@pytest.mark.parametrize(
    ("count", "rank", "highest"),
    [(2048, 90.0, 172), (2116, 90.0, 178), (7469, 90.0, 685), (1_179_125, 99.0, 11_539)],
)
def test_as_many_are_discarded_as_mlperfs_early_stopping_discards(
    count: int, rank: float, highest: int
) -> None:
    assert discarded(count, rank) == highest


@given(st.integers(2, 300), st.sampled_from(RANKS))
def test_what_is_discarded_is_the_most_that_is_99_percent_sure(count: int, rank: float) -> None:
    t = discarded(count, rank) + 1
    assert at_most(t + 1, count, rank) > 0.01
    assert t == -1 or at_most(t, count, rank) <= 0.01 + 1e-12
    assert (t >= 1) == (count >= needed_samples(rank))


@given(SAMPLES, st.sampled_from(RANKS))
def test_a_percentile_is_the_least_sample_that_enough_do_not_exceed(
    samples: list[float], rank: float
) -> None:
    value = percentile_ms(sorted(samples), rank)
    assert value == np.percentile(samples, rank, method="inverted_cdf")


def test_a_percentile_has_a_bound_above_it_or_is_withheld() -> None:
    given_ = {p.rank: p for p in percentiles([float(i) for i in range(130, 0, -1)])}
    assert given_[90.0].value_ms == 117.0
    assert given_[95.0].upper_ms == 130.0
    assert given_[90.0].upper_ms == 130.0 - discarded(130, 90.0)
    assert (given_[99.0].value_ms, given_[99.0].upper_ms) == (None, None)


def test_the_bound_holds_in_99_of_a_hundred_runs() -> None:
    """Uniform times on [0, 1], whose true p90 is 0.9."""
    draw, runs, missed = random.Random(0), 1500, 0
    for _ in range(runs):
        p90 = percentiles([draw.random() for _ in range(100)])[1]
        assert p90.upper_ms is not None
        missed += p90.upper_ms < 0.9
    assert missed / runs <= 0.01 + 3 * math.sqrt(0.01 * 0.99 / runs)
