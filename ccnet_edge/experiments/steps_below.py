"""A plan and the network one step below it: what was predicted beside what was achieved."""

from __future__ import annotations

import math

from ccnet_edge.degradation import slopes
from ccnet_edge.experiments.systems import Shop
from ccnet_edge.spec.plan import Solution
from ccnet_edge.spec.systems import StepBelow


def step_below(shop: Shop, plan: Solution) -> StepBelow:
    """Train the base, the plan, and the plan with one channel fewer in every scale.

    CC21 Table 9 and CC19's case 1 − ε: a plan for a floor is the least that keeps it where the
    network below falls under it. A scale of one channel keeps it.
    """
    below = tuple(max(1, width - 1) for width in plan.widths)
    base, planned, stepped = (
        shop.train(shop.network(widths)).result for widths in (shop.terms.base, plan.widths, below)
    )
    return StepBelow(
        multiplier=plan.multiplier,
        widths=plan.widths,
        predicted=predicted(plan, plan.widths),
        f1=planned.f1,
        below_widths=below,
        below_predicted=predicted(plan, below),
        below_f1=stepped.f1,
        base_f1=base.f1,
    )


def predicted(plan: Solution, widths: tuple[int, ...]) -> float:
    """Accuracy at `widths` over the base network's: 1 − max_i 2 (λC_i + δ) log10(b_i / w_i)."""
    found = slopes(plan.degradation, tuple(scale.complexity for scale in plan.scales))
    return 1 - max(
        2 * slope * math.log10(scale.base_channels / width)
        for slope, scale, width in zip(found, plan.scales, widths, strict=True)
    )
