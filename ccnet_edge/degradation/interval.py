"""How far off a predicted accuracy may be, and what it does not rest on."""

from __future__ import annotations

import math

from ccnet_edge.complexity.interval import t_quantile
from ccnet_edge.spec.plan import CONFIDENCE, Degradation, Spread


def half_width(
    spread: Spread, *, complexity: float, reduction: float, confidence: float = CONFIDENCE
) -> float:
    """Half of the interval of a predicted relative accuracy, by Student's t; 0 for the base itself.

    The slope of a data set that was not in the fit lies about the line λC + δ as in any linear
    regression, s² (1 + 1/n + (C − C̄)² / Σ(C − C̄)²), and counts `reduction` times; a single run
    lies about its own data set's line by `run_error`. Both add as variances, with the degrees of
    freedom of Satterthwaite (Biometrics Bulletin 2(6), 1946), rounded down.

    Args:
        complexity: C of the data set, at the scale that the prediction comes from.
        reduction: log10(θ / θ_thin), at least 0.
    """
    if reduction == 0:
        return 0.0
    away = (complexity - spread.mean_complexity) ** 2 / spread.complexity_ss
    between = (reduction * spread.slope_error) ** 2 * (1 + 1 / spread.sets + away)
    within = spread.run_error**2
    total = between + within
    if total == 0:  # a fit without residuals
        return 0.0
    freedom = total**2 / (
        between**2 / (spread.sets - 2) + within**2 / max(1, spread.runs - spread.sets)
    )
    return t_quantile(max(1, math.floor(freedom)), confidence) * math.sqrt(total)


def beyond(degradation: Degradation, *, complexity: float, reduction: float) -> tuple[str, ...]:
    """What of a prediction lies outside the range that the preset was fitted in, for people.

    Args:
        complexity: C of the data set at full resolution.
        reduction: log10(θ / θ_thin) at the scale that the prediction comes from.
    """
    inside = degradation.inside
    if inside is None:
        return ()
    found = []
    where = f"{inside.lowest:.4f} to {inside.highest:.4f} that preset {degradation.preset}"
    if complexity < inside.lowest:
        share = 1 - complexity / inside.lowest
        found.append(f"C = {complexity:.4f} lies {share:.0%} below the {where} was fitted on")
    if complexity > inside.highest:
        share = complexity / inside.highest - 1
        found.append(f"C = {complexity:.4f} lies {share:.0%} above the {where} was fitted on")
    # A plan in whole channels may go a little further than the fit's multiplier says.
    if reduction > 1.05 * inside.reduction:
        found.append(
            f"the plan has {10**reduction:.0f} times fewer weights than the base at its narrowest "
            f"scale, and the thinnest network of the fit {10**inside.reduction:.0f} times fewer"
        )
    return tuple(found)
