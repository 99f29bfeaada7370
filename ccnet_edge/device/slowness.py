"""Whether one model is slower than another, from a ratio of times for every pair of launches.

A pair of launches is a fresh process of each, measured in turns, and gives one ratio. Processes
differ from each other (where their memory lies, which core they start on) by as much as turns
do, so more turns do not replace more launches, and launches are what is tested.

A's and B's launches are exchangeable but for the slowdown itself, so the logarithms of the ratios
are symmetric about its logarithm, whatever the machine's noise is like: that is all that
Wilcoxon's signed-rank test needs, and it is exact for any number of launches (Wilcoxon 1945;
Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, 3.1 to 3.3).

Two such tests stand face to face. A is slower where a ratio of 1 + MARGIN or less can be ruled
out, not slower where 1 + SLOWDOWN or more can, and while neither can, there are more launches,
up to the last of `LOOKS`. Each test errs in at most 1 % of all cases over all looks together
(Bonferroni), so two equal models are called slower, and a slowdown of 5 % not slower, in at most
one of a hundred comparisons; on a machine whose launches vary little, far less often.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from ccnet_edge.spec.comparison import Verdict

# Slower by less than this is equal: what a change of compiler or of the system's state does.
MARGIN = 0.02
# The slowdown that has to be found.
SLOWDOWN = 0.05
# Launches → the chance that this look errs; 8 is the fewest that can be this sure (1 / 2⁸).
LOOKS = {8: 0.004, 12: 0.003, 16: 0.003}
CONFIDENCE = 0.99


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """How many times B's time A takes, with a 99 % interval."""

    ratio: float
    lower: float
    upper: float


def decide(ratios: Sequence[float]) -> Verdict:
    """What the launches so far say; "undecided" between looks too.

    Args:
        ratios: A's time by B's, a pair of launches each.
    """
    alpha = LOOKS.get(len(ratios))
    if alpha is None:
        return "undecided"
    if chance_of_more(ratios, 1 + MARGIN) <= alpha:
        return "slower"
    if chance_of_more([1 / ratio for ratio in ratios], 1 / (1 + SLOWDOWN)) <= alpha:
        return "not slower"
    return "undecided"


def chance_of_more(ratios: Sequence[float], than: float) -> float:
    """How likely ratios this large are where the true one is `than`, by the signed-rank test.

    Of the 2ⁿ ways to give the ranks of |log(ratio / than)| a sign, the share in which the ranks
    of the positive ones add up to at least what was found. Equal distances share their mean rank.
    """
    distances = [math.log(ratio / than) for ratio in ratios]
    distances = [d for d in distances if d != 0]
    ranks = _double_ranks([abs(d) for d in distances])
    found = sum(rank for rank, d in zip(ranks, distances, strict=True) if d > 0)
    ways = [1] + [0] * sum(ranks)
    for rank in ranks:
        ways = [n + (ways[i - rank] if i >= rank else 0) for i, n in enumerate(ways)]
    return sum(ways[found:]) / sum(ways)


def estimate(ratios: Sequence[float]) -> Estimate:
    """The ratio and its interval: Hodges and Lehmann's median of the pairwise means.

    The interval is what the two-sided signed-rank test at `CONFIDENCE` does not rule out; with
    fewer than eight launches the widest there is.
    """
    logs = [math.log(ratio) for ratio in ratios]
    means = sorted((a + b) / 2 for i, a in enumerate(logs) for b in logs[i:])
    cut = _lower_tail(len(logs), (1 - CONFIDENCE) / 2)
    return Estimate(
        ratio=math.exp(statistics.median(means)),
        lower=math.exp(means[cut]),
        upper=math.exp(means[-1 - cut]),
    )


def _lower_tail(count: int, alpha: float) -> int:
    """How many sums of ranks, from 0 on, come up with at most `alpha` together; at least 0."""
    ways = [1] + [0] * (count * (count + 1) // 2)
    for rank in range(1, count + 1):
        ways = [n + (ways[i - rank] if i >= rank else 0) for i, n in enumerate(ways)]
    total, cut = 0, 0
    for below, number in enumerate(ways):
        total += number
        if total > alpha * 2**count:
            break
        cut = below
    return cut


def _double_ranks(sizes: Sequence[float]) -> list[int]:
    """Twice the rank of every size, from 2 on; equal ones share their mean, so it is whole."""
    ordered = sorted(sizes)
    first = {size: ordered.index(size) for size in set(sizes)}
    return [2 * first[size] + ordered.count(size) + 1 for size in sizes]
