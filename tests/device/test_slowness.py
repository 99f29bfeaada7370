"""Laws of the decision: the signed-rank test against brute force, errors against their limits."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccnet_edge.device.slowness import (
    LOOKS,
    MARGIN,
    SLOWDOWN,
    Estimate,
    chance_of_more,
    decide,
    estimate,
)

RATIOS = st.lists(st.sampled_from([0.9, 0.95, 0.99, 1.0, 1.01, 1.04, 1.1]), min_size=1, max_size=7)


def by_counting(ratios: list[float], than: float) -> float:
    """The share of all 2ⁿ sign patterns whose positive ranks add up to what was found, or more."""
    logs = [math.log(ratio / than) for ratio in ratios]
    logs = [each for each in logs if each != 0]
    sizes = [abs(each) for each in logs]
    ranks = [
        sum(other < size for other in sizes) + (sum(other == size for other in sizes) + 1) / 2
        for size in sizes
    ]
    found = sum(rank for rank, each in zip(ranks, logs, strict=True) if each > 0)
    patterns = list(itertools.product((0, 1), repeat=len(ranks)))
    sums = [sum(r for r, sign in zip(ranks, signs, strict=True) if sign) for signs in patterns]
    return sum(total >= found for total in sums) / len(patterns)


@given(RATIOS, st.sampled_from([0.95, 1.0, 1.02]))
def test_the_signed_rank_test_is_exact_with_ties_and_zeros(
    ratios: list[float], than: float
) -> None:
    assert chance_of_more(ratios, than) == pytest.approx(by_counting(ratios, than), abs=1e-12)


def test_the_looks_err_in_at_most_one_of_a_hundred_together() -> None:
    assert sum(LOOKS.values()) <= 0.01
    for launches, alpha in LOOKS.items():
        assert 0.5**launches <= alpha, "a look that can never decide"


def test_equal_models_are_not_slower_and_slower_ones_are() -> None:
    equal = [0.99, 1.0, 1.01, 1.0, 0.995, 1.005, 1.0, 0.99]
    assert decide(equal) == "not slower"
    assert decide([ratio * 1.05 for ratio in equal]) == "slower"
    assert decide([ratio / 1.3 for ratio in equal]) == "not slower"


def test_nothing_is_decided_between_looks_or_where_launches_differ_too_much() -> None:
    assert decide([1.2] * 7) == "undecided"
    assert decide([1.2] * 8) == "slower"
    assert decide([1.2] * 9) == "undecided"
    assert decide([0.8, 1.3] * 4) == "undecided"
    assert decide([0.8, 1.3] * 8) == "undecided"


def errors(effect: float, *, spread: float, wrong: str, runs: int) -> float:
    """How often launches with this true ratio and Gaussian noise end with verdict `wrong`."""
    draw = random.Random(0)

    def verdict() -> str:
        ratios: list[float] = []
        while len(ratios) < max(LOOKS):
            ratios.append(effect * math.exp(draw.gauss(0, spread)))
            if (found := decide(ratios)) != "undecided":
                return found
        return "undecided"

    return sum(verdict() == wrong for _ in range(runs)) / runs


@pytest.mark.parametrize(
    ("effect", "wrong"), [(1 + MARGIN, "slower"), (1 + SLOWDOWN, "not slower")]
)
def test_each_verdict_errs_in_at_most_one_of_a_hundred_where_it_is_hardest(
    effect: float, wrong: str
) -> None:
    """1 %, with three standard deviations of 600 runs."""
    runs = 600
    limit = 0.01 + 3 * math.sqrt(0.01 * 0.99 / runs)
    assert errors(effect, spread=0.01, wrong=wrong, runs=runs) <= limit


def test_five_percent_is_found_while_launches_differ_by_two() -> None:
    assert errors(1.05, spread=0.02, wrong="slower", runs=300) >= 0.95
    assert errors(1.0, spread=0.02, wrong="slower", runs=300) == 0


def test_the_estimate_is_the_median_of_pairwise_means_and_the_interval_their_ends() -> None:
    found = estimate([1.0, 1.21])
    assert found.ratio == pytest.approx(1.1)  # the means of logs are 1, 1.1 and 1.21
    assert (found.lower, found.upper) == pytest.approx((1.0, 1.21))
    assert estimate([1.5]) == Estimate(ratio=1.5, lower=1.5, upper=1.5)


def test_the_interval_holds_the_true_ratio_in_99_of_a_hundred() -> None:
    draw, runs, missed = random.Random(1), 500, 0
    for _ in range(runs):
        found = estimate([1.03 * math.exp(draw.gauss(0, 0.02)) for _ in range(12)])
        missed += not found.lower <= 1.03 <= found.upper
    assert missed / runs <= 0.01 + 3 * math.sqrt(0.01 * 0.99 / runs)
