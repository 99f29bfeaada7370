"""The accuracy of a network of a plan, with the interval that the preset's residuals give."""

from __future__ import annotations

import math

from ccnet_edge.degradation import beyond, half_width
from ccnet_edge.solver.problem import Problem, Widths
from ccnet_edge.spec.plan import Prediction


def predict(
    problem: Problem, widths: Widths, *, base: float | None = None, warnings: tuple[str, ...] = ()
) -> Prediction:
    """The predicted accuracy of the base network at `widths`.

    It is that of the scale that loses most, and so are its interval's C and reduction.

    Args:
        base: the base network's accuracy, where it is known.
        warnings: what is known to be wrong with it already.
    """
    losses = problem.losses(widths)
    worst = losses.index(max(losses))
    reduction = 2 * math.log10(problem.base.widths[worst] / widths[worst])
    degradation, relative = problem.degradation, problem.relative_accuracy(widths)
    spread = degradation.spread
    outside = beyond(degradation, complexity=problem.complexities[0], reduction=reduction)
    return Prediction(
        metric=degradation.metric,
        relative=relative,
        base=base,
        absolute=None if base is None else base * relative,
        calibrated=degradation.calibrated,
        half_width=None
        if spread is None
        else half_width(spread, complexity=problem.complexities[worst], reduction=reduction),
        warnings=(*warnings, *outside),
    )
