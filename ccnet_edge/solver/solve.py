"""From a base network, its data's complexity and limits to the plan, with what it costs."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from ccnet_edge.cost import weights_per_scale
from ccnet_edge.cost.shapes import check_image_size
from ccnet_edge.degradation import complexities, mismatch, slopes
from ccnet_edge.errors import ConfigError, InfeasibleError, UsageError
from ccnet_edge.solver.budget import Setting
from ccnet_edge.solver.exact import exact_binding, solve_exact
from ccnet_edge.solver.paper import paper_limit, solve_paper
from ccnet_edge.solver.predict import predict
from ccnet_edge.solver.problem import Problem, Widths
from ccnet_edge.spec.complexity import ImageComplexity
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.plan import (
    Alternative,
    Degradation,
    Estimate,
    Formulation,
    Limit,
    Limits,
    Minimise,
    Multiplier,
    ScalePlan,
    Solution,
)
from ccnet_edge.spec.target import DeviceProfile


def solve(
    base: NetworkSpec,
    complexity: ImageComplexity,
    degradation: Degradation,
    limits: Limits,
    *,
    height: int,
    width: int,
    bits: int = 32,
    multiplier: Multiplier = "layerwise",
    formulation: Formulation = "exact",
    engine: str = "onnxruntime",
    profile: DeviceProfile | None = None,
    base_accuracy: float | None = None,
    floor: float | None = None,
    minimise: Minimise = "disk",
    force: bool = False,
) -> Solution:
    """The thinned network of `base` that the limits allow, or that the floor needs.

    Args:
        height: of the images at the network, in pixels; costs are those of the next multiple
            of the network's output stride, to which the runtime repeats their edges.
        width: of the network's input, in pixels.
        bits: of a stored value, weights and tensors alike; the papers' q.
        formulation: `exact` solves for whole channels under all limits at once (see
            `solver.integer`), `paper` by the papers' equations for one limit.
        profile: gives the device's speed, for latency, and its channel alignment.
        base_accuracy: the base network's, in the degradation's metric; the preset's where None.
        floor: the absolute accuracy to reach, in the same metric; a limit of the plan where
            the base network's accuracy is known.
        minimise: the cost to make least where a floor is the only limit. One network is the
            least in both costs (see `solver.integer`), so this names the aim and changes no
            plan.
        force: plan although complexity was measured by another J than the preset's; the
            prediction carries a warning.

    Raises:
        InfeasibleError: no network is inside the limits; says which binds and what would do.
        UsageError: no limit, one that the formulation does not know, or a size that the
            network cannot take.
        ConfigError: complexity and preset do not go together.
    """
    known = base_accuracy if base_accuracy is not None else degradation.base_accuracy
    limits = limits.with_floor(floor, known)
    if formulation == "paper":
        paper_limit(limits)  # refuses limits that the papers do not know, before any are checked
    problem, warnings = _pose(
        base,
        complexity,
        degradation,
        limits,
        Setting(height=height, width=width, bits=bits, engine=engine, profile=profile),
        formulation=formulation,
        force=force,
    )
    problem.check_limits()
    widths, alphas = _plan(problem, multiplier)
    return Solution(
        network=base.with_widths(widths),
        formulation=formulation,
        multiplier=multiplier,
        degradation=degradation,
        limits=limits,
        scales=_scales(problem, widths, alphas),
        estimate=_estimate(problem, widths),
        predicted=predict(problem, widths, base=known, warnings=warnings),
        binding=_binding(problem, multiplier, widths),
        alternatives=_alternatives(problem, multiplier),
        unchecked=problem.unchecked,
        minimised=None if problem.budgets else minimise,
    )


def assess(
    base: NetworkSpec,
    network: NetworkSpec,
    complexity: ImageComplexity,
    degradation: Degradation,
    limits: Limits,
    *,
    height: int,
    width: int,
    engine: str = "onnxruntime",
    profile: DeviceProfile | None = None,
    base_accuracy: float | None = None,
    force: bool = False,
) -> Solution:
    """What a plan would say of `network`, whose widths were chosen by somebody else; see `solve`.

    Args:
        network: `base` at other widths, which may be more than the base network's.
        limits: `exceeded` of the result names those that the estimates are over.

    Raises:
        UsageError: another network than `base` at some widths, or a size that it cannot take.
        ConfigError: complexity and preset do not go together.
    """
    widths = network.widths
    if base.scales != network.scales or base.with_widths(widths) != network:
        raise UsageError(
            f"{base.architecture} of one width a scale was wanted, found {network.architecture} "
            f"of {list(widths)} with other nodes or channels",
            hint="a network that was pruned node by node has no plan: export it, and pack that",
        )
    known = base_accuracy if base_accuracy is not None else degradation.base_accuracy
    problem, warnings = _pose(
        base,
        complexity,
        degradation,
        limits,
        Setting(height=height, width=width, bits=32, engine=engine, profile=profile),
        formulation="exact",
        force=force,
    )
    return Solution(
        network=network,
        formulation="exact",
        multiplier="layerwise",
        degradation=degradation,
        limits=limits,
        scales=_scales(problem, widths, None),
        estimate=_estimate(problem, widths),
        predicted=predict(problem, widths, base=known, warnings=warnings),
        binding=(),
        alternatives=(_alternative(problem, "base", base.widths),),
        unchecked=problem.unchecked,
        given=True,
        exceeded=tuple(budget.limit for budget in problem.broken(widths)),
    )


def _pose(
    base: NetworkSpec,
    complexity: ImageComplexity,
    degradation: Degradation,
    limits: Limits,
    setting: Setting,
    *,
    formulation: Formulation,
    force: bool,
) -> tuple[Problem, tuple[str, ...]]:
    """The problem, and what is known to be wrong with its predictions."""
    check_image_size(base, height=setting.height, width=setting.width)
    height, width = base.input_size(setting.height, setting.width)
    wrong_j = mismatch(degradation, complexity)
    if wrong_j and not force:
        raise ConfigError(
            wrong_j,
            hint="measure with the preset's definition, calibrate with this one, or plan with "
            "--force, which keeps this as a warning",
        )
    per_scale = complexities(degradation, complexity, scales=base.scales)
    problem = Problem(
        base=base,
        degradation=degradation,
        complexities=per_scale,
        slopes=slopes(degradation, per_scale),
        limits=limits,
        setting=replace(setting, height=height, width=width),
        formulation=formulation,
    )
    return problem, (wrong_j,) if wrong_j else ()


def _plan(problem: Problem, multiplier: Multiplier) -> tuple[Widths, tuple[float, ...] | None]:
    if problem.formulation == "paper":
        return solve_paper(problem, multiplier)
    return solve_exact(problem, multiplier), None


def _binding(problem: Problem, multiplier: Multiplier, widths: Widths) -> tuple[Limit, ...]:
    if problem.formulation == "exact":
        return exact_binding(problem, multiplier, widths)
    return ("base",) if widths == problem.base.widths else (paper_limit(problem.limits),)


def _scales(
    problem: Problem, widths: Widths, alphas: tuple[float, ...] | None
) -> tuple[ScalePlan, ...]:
    counted = weights_per_scale(problem.base.with_widths(widths))
    losses = problem.losses(widths)
    bases = problem.base.widths
    return tuple(
        ScalePlan(
            complexity=problem.complexities[i],
            base_channels=bases[i],
            continuous_channels=None if alphas is None else alphas[i] * bases[i],
            channels=widths[i],
            weights=counted[i],
            loss=losses[i],
        )
        for i in range(problem.base.scales)
    )


def _estimate(problem: Problem, widths: Widths) -> Estimate:
    """The network's cost; on disk, the papers count its weights at q bits and nothing else."""
    found = problem.estimate(widths)
    if problem.formulation == "paper":
        found = replace(found, disk_bytes=-(-found.weights * found.bits // 8))
    return found


def _alternatives(problem: Problem, multiplier: Multiplier) -> tuple[Alternative, ...]:
    """The base network, and the other multiplier's plan where the limits and papers know one."""
    other: Multiplier = "layerwise" if multiplier == "uniform" else "uniform"
    found = [_alternative(problem, "base", problem.base.widths)]
    if not (problem.formulation == "paper" and problem.degradation.rounding):
        try:
            found.append(_alternative(problem, other, _plan(problem, other)[0]))
        except InfeasibleError:
            return tuple(found)
    return tuple(found)


def _alternative(
    problem: Problem, name: Literal["base", "uniform", "layerwise"], widths: Widths
) -> Alternative:
    relative = problem.relative_accuracy(widths)
    floor = problem.limits.min_relative_accuracy
    return Alternative(
        name=name,
        widths=widths,
        estimate=_estimate(problem, widths),
        relative_accuracy=relative,
        half_width=predict(problem, widths).half_width,
        fits=problem.fits(widths) and (floor is None or relative >= floor),
    )
