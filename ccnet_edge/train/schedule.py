"""The learning rate of each step."""

from __future__ import annotations

import math

from ccnet_edge.train.recipes import Recipe

# Where a one-cycle schedule ends, relative to its peak: low enough that the last steps only
# settle, above zero so that they still do.
_FLOOR = 1e-3


def learning_rate(recipe: Recipe, *, step: int, steps: int) -> float:
    """The rate of `step` (0 to steps − 1).

    One cycle (Smith & Topin 2019, with a linear rise): up from a tenth to the peak over
    `warm_up` of the steps, then down a half cosine to a thousandth of it.
    """
    if recipe.schedule == "constant":
        return recipe.learning_rate
    rise = recipe.warm_up * steps
    if step < rise:
        return recipe.learning_rate * (0.1 + 0.9 * step / rise)
    fall = (step - rise) / max(steps - 1 - rise, 1)
    wave = 0.5 * (1 + math.cos(math.pi * min(fall, 1.0)))
    return recipe.learning_rate * (_FLOOR + (1 - _FLOOR) * wave)
