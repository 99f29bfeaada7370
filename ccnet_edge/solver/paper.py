"""The papers' formulation: continuous multipliers for one limit, then whole channels.

For a disk budget θ counts weights (eq. 6, or 11 with 13), for a main-memory budget weights and
feature maps (eq. 7, or 11 with 14), and a floor gives every scale's least multiplier (eq. 16 and
6, or 17). The papers round by no one rule; here budgets are rounded down, so that they are kept,
and a floor is rounded up, so that it is kept: to whole channels, or to n/64 as CC19 does.
"""

from __future__ import annotations

from collections.abc import Callable

from ccnet_edge.cost import values_per_scale, weights_per_scale
from ccnet_edge.errors import UsageError
from ccnet_edge.solver.equations import (
    cc19_round_down,
    cc19_round_up,
    eq6_disk_multiplier,
    eq7_memory_multiplier,
    eq11_scale_loss,
    eq12_scale_multiplier,
    eq13_layerwise_weights,
    eq14_layerwise_values,
    eq15_accuracy_margin,
    eq16_log_theta,
    eq17_scale_log_thetas,
)
from ccnet_edge.solver.exact import infeasible
from ccnet_edge.solver.problem import Problem, Widths
from ccnet_edge.spec.plan import Limit, Limits, Multiplier

Alphas = tuple[float, ...]


def solve_paper(problem: Problem, multiplier: Multiplier) -> tuple[Widths, Alphas]:
    """Channels per scale, and the multipliers that they were rounded from.

    Raises:
        UsageError: not exactly one of disk, memory and accuracy floor, or a layer-wise plan
            with CC19, which knows none.
        InfeasibleError: one channel in every scale is over the budget.
    """
    limit = paper_limit(problem.limits)
    if problem.degradation.rounding is not None and multiplier == "layerwise":
        raise UsageError(
            f"preset {problem.degradation.preset} has one multiplier for the whole network",
            hint="use --multiplier uniform, or --formulation exact",
        )
    alphas = _MULTIPLIERS[limit, multiplier](problem)
    round_to_plan = _rounded_up if limit == "accuracy" else _rounded_down
    return round_to_plan(problem, alphas), alphas


def paper_limit(limits: Limits) -> Limit:
    """The one limit that the papers' formulation is asked to solve for.

    Raises:
        UsageError: it is not exactly one, or one that the papers do not know.
    """
    wanted: dict[Limit, float | None] = {
        "disk": limits.disk_bytes,
        "memory": limits.memory_bytes,
        "accuracy": limits.min_relative_accuracy,
        "ram": limits.ram_bytes,
        "latency": limits.latency_ms,
    }
    given: list[Limit] = [limit for limit, amount in wanted.items() if amount is not None]
    if len(given) != 1 or given[0] in ("ram", "latency"):
        raise UsageError(
            "the papers' formulation takes exactly one of disk, memory and accuracy floor, "
            f"found {', '.join(given) or 'none'}",
            hint="use --formulation exact for several limits, process memory or latency",
        )
    return given[0]


def _disk_uniform(problem: Problem) -> Alphas:
    theta = sum(weights_per_scale(problem.base))
    return _everywhere(problem, eq6_disk_multiplier(_theta_star(problem), theta))


def _memory_uniform(problem: Problem) -> Alphas:
    theta = sum(_values(problem))
    return _everywhere(problem, eq7_memory_multiplier(_theta_star(problem), theta))


def _disk_layerwise(problem: Problem) -> Alphas:
    thetas = weights_per_scale(problem.base)
    return _equal_losses(problem, lambda alphas: eq13_layerwise_weights(alphas, thetas))


def _memory_layerwise(problem: Problem) -> Alphas:
    thetas = _values(problem)
    return _equal_losses(problem, lambda alphas: eq14_layerwise_values(alphas, thetas))


def _floor_uniform(problem: Problem) -> Alphas:
    """Eq. 16 with the scale that loses fastest: on the papers' data sets that is the input's."""
    theta = sum(weights_per_scale(problem.base))
    log_theta_star = eq16_log_theta(theta, _margin(problem), max(problem.slopes))
    return _everywhere(problem, eq6_disk_multiplier(10**log_theta_star, theta))


def _floor_layerwise(problem: Problem) -> Alphas:
    thetas = weights_per_scale(problem.base)
    log_thetas = eq17_scale_log_thetas(thetas, _margin(problem), problem.slopes)
    return tuple(
        eq6_disk_multiplier(10**log_theta, theta)
        for log_theta, theta in zip(log_thetas, thetas, strict=True)
    )


_MULTIPLIERS: dict[tuple[Limit, Multiplier], Callable[[Problem], Alphas]] = {
    ("accuracy", "layerwise"): _floor_layerwise,
    ("accuracy", "uniform"): _floor_uniform,
    ("disk", "layerwise"): _disk_layerwise,
    ("disk", "uniform"): _disk_uniform,
    ("memory", "layerwise"): _memory_layerwise,
    ("memory", "uniform"): _memory_uniform,
}


def _theta_star(problem: Problem) -> float:
    """θ* = budget bits / q."""
    (budget,) = problem.budgets
    return budget.allowed * 8 / problem.setting.bits


def _margin(problem: Problem) -> float:
    floor = problem.limits.min_relative_accuracy
    return eq15_accuracy_margin(1.0, 1.0 if floor is None else floor)


def _values(problem: Problem) -> tuple[int, ...]:
    at = problem.setting
    return values_per_scale(problem.base, height=at.height, width=at.width)


def _everywhere(problem: Problem, alpha: float) -> Alphas:
    return (alpha,) * problem.base.scales


def _equal_losses(problem: Problem, count: Callable[[Alphas], float]) -> Alphas:
    """Multipliers of one loss in every scale (eq. 11) whose `count` is θ*, by bisection.

    Losses run from 0, the base network, to the largest that one channel in a scale gives.
    """
    target = _theta_star(problem)

    def alphas(loss: float) -> Alphas:
        return tuple(eq12_scale_multiplier(slope, loss) for slope in problem.slopes)

    least, most = 0.0, max(eq11_scale_loss(slope, 1e-9) for slope in problem.slopes)
    if count(alphas(least)) <= target:
        return alphas(least)
    for _ in range(200):
        middle = (least + most) / 2
        least, most = (middle, most) if count(alphas(middle)) > target else (least, middle)
    return alphas(most)


def _rounded_up(problem: Problem, alphas: Alphas) -> Widths:
    steps = problem.degradation.rounding
    if steps is not None:
        alphas = tuple(float(cc19_round_up(alpha, steps)) for alpha in alphas)
    bases = problem.base.widths
    return tuple(
        rungs.ceil(alpha * base)
        for rungs, alpha, base in zip(problem.ladders, alphas, bases, strict=True)
    )


def _rounded_down(problem: Problem, alphas: Alphas) -> Widths:
    """Whole channels inside the budget.

    The equations count α_i² θ_i where a transposed convolution has α_i α_{i+1}, and the first
    and last layers shrink with α alone: rounded down, a plan can still be a few weights over.
    Then it goes down further, by n/64 or by a channel where that loses least.
    """
    steps = problem.degradation.rounding
    if steps is None:
        return _given_back(problem, _floored(problem, alphas))
    widths: Widths = ()
    for n in range(int(cc19_round_down(alphas[0], steps) * steps), 0, -1):
        widths = _floored(problem, _everywhere(problem, n / steps))
        if problem.fits(widths):
            return widths
    raise infeasible(problem, widths, problem.broken(widths), None)


def _floored(problem: Problem, alphas: Alphas) -> Widths:
    bases = problem.base.widths
    return tuple(
        rungs.floor(alpha * base)
        for rungs, alpha, base in zip(problem.ladders, alphas, bases, strict=True)
    )


def _given_back(problem: Problem, widths: Widths) -> Widths:
    while not problem.fits(widths):
        steps = [
            (rungs.loss(below) - rungs.loss(widths[i]), (*widths[:i], below, *widths[i + 1 :]))
            for i, rungs in enumerate(problem.ladders)
            if (below := rungs.below(widths[i])) is not None
        ]
        if not steps:
            raise infeasible(problem, widths, problem.broken(widths), None)
        widths = min(steps)[1]
    return widths
