"""The measured surface of [G22]: Dice of pruned networks on few samples, read between its points.

Götz et al., "Number of necessary training examples for neural networks with different number of
trainable parameters", J. Pathology Informatics 2022, Tables 4 and 5.
"""

from __future__ import annotations

import csv
import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

# Parameters that sample sizes are counted from: the DCNN's is the paper's own, not its 916 959.
PARAMETERS = {"dcnn": 915_934, "dccn": 4_794_754}
# A Dice under this is a network that sees next to nothing but background.
COLLAPSED = 0.2


@dataclass(frozen=True, kw_only=True)
class Point:
    """One row: a network pruned by `pruned`, fine-tuned on `samples` = r · parameters left."""

    network: str
    pruned: float
    r: float
    samples: int
    sensitivity: float
    specificity: float
    dice: float
    accuracy: float
    cross_entropy: float
    dice_outlier: bool


@lru_cache
def points() -> tuple[Point, ...]:
    """All rows of both tables, the outliers marked."""
    text = Path(__file__).with_name("goetz2022.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return tuple(
        Point(
            network=row["network"],
            pruned=float(row["pruned"]),
            r=float(row["r"]),
            samples=int(row["samples"]),
            sensitivity=float(row["sensitivity"]),
            specificity=float(row["specificity"]),
            dice=float(row["dice"]),
            accuracy=float(row["accuracy"]),
            cross_entropy=float(row["cross_entropy"]),
            dice_outlier=row["dice_outlier"] == "1",
        )
        for row in rows
    )


def samples_for(network: str, *, pruned: float, r: float) -> float:
    """N_tr = r · N_p, N_p the parameters that pruning leaves."""
    return r * PARAMETERS[network] * (1 - pruned)


def relative_dice(network: str, *, pruned: float, r: float) -> float:
    """The Dice at (δ, r) over the unpruned network's with the most samples.

    Linear in δ and in log r between measured points, outliers left out; beyond the surface's ends
    the end's value.
    """
    rows = [point for point in points() if point.network == network and not point.dice_outlier]
    shares = sorted({point.pruned for point in rows})
    by_share = [_at_r([p for p in rows if p.pruned == share], r) for share in shares]
    whole = [point for point in rows if point.pruned == 0]
    most = max(whole, key=lambda point: point.r).dice
    return _between(shares, by_share, pruned) / most


def is_outside(*, pruned: float, r: float) -> bool:
    """(δ, r) lies where neither network was measured."""
    rates = [point.r for point in points()]
    shares = [point.pruned for point in points()]
    return not (min(rates) <= r <= max(rates) and 0 <= pruned <= max(shares))


def _at_r(rows: Sequence[Point], r: float) -> float:
    ordered = sorted(rows, key=lambda point: point.r)
    rates = [math.log10(point.r) for point in ordered]
    return _between(rates, [point.dice for point in ordered], math.log10(r))


def _between(x: Sequence[float], y: Sequence[float], at: float) -> float:
    if at <= x[0]:
        return y[0]
    if at >= x[-1]:
        return y[-1]
    right = bisect_left(x, at)
    share = (at - x[right - 1]) / (x[right] - x[right - 1])
    return y[right - 1] + share * (y[right] - y[right - 1])
