"""`solve` as a whole: what it answers, what it refuses, and that its hints are true."""

import math
import re
from dataclasses import replace
from typing import Any

import pytest

from ccnet_edge.complexity import DEFAULT_DEFINITION
from ccnet_edge.cost import engine_memory
from ccnet_edge.cost.engine_memory import Forecast
from ccnet_edge.degradation import find_preset, half_width
from ccnet_edge.errors import ConfigError, InfeasibleError, UsageError
from ccnet_edge.solver import describe, solve
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.complexity import ImageComplexity
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.plan import Degradation, Limits, Multiplier, PlanDocument, Solution
from ccnet_edge.targets import list_profiles, load_profile
from ccnet_edge.units import parse_bytes, parse_ms, parse_share


class Planner:
    """`solve` for the lymph node data at 64 × 64, everything else changeable."""

    def __init__(self, base: NetworkSpec, lymph: ImageComplexity, cc21: Degradation) -> None:
        self.defaults: dict[str, Any] = {
            "base": base,
            "complexity": lymph,
            "degradation": cc21,
            "height": 64,
            "width": 64,
        }

    def __call__(self, limits: Limits, **changes: Any) -> Solution:
        return solve(limits=limits, **(self.defaults | changes))


@pytest.fixture
def plan(unet: NetworkSpec, lymph: ImageComplexity, cc21: Degradation) -> Planner:
    return Planner(unet, lymph, cc21)


BOTH = pytest.mark.parametrize("multiplier", ["uniform", "layerwise"])


@BOTH
def test_the_plan_is_inside_every_limit_at_once(plan: Planner, multiplier: Multiplier) -> None:
    profile = load_profile("jetson")
    limits = Limits(disk_bytes=10**6, ram_bytes=85 * 10**6, memory_bytes=10**6, latency_ms=5.0)
    solution = plan(limits, multiplier=multiplier, profile=profile)
    cost = solution.estimate
    assert cost.disk_bytes <= 10**6
    assert cost.memory_bytes <= 10**6
    assert cost.ram_most_bytes is not None
    assert cost.ram_most_bytes <= 85 * 10**6
    assert cost.latency_ms is not None
    assert cost.latency_ms <= 5.0
    assert all(width % profile.channel_alignment == 0 for width in solution.widths)
    assert solution.unchecked == ()


def test_the_layerwise_plan_is_never_worse_than_the_uniform_one(plan: Planner) -> None:
    for size in range(100_000, 5_000_000, 1_400_000):
        solution = plan(Limits(disk_bytes=size))
        (uniform,) = (a for a in solution.alternatives if a.name == "uniform")
        assert solution.predicted.relative >= uniform.relative_accuracy
        assert uniform.fits


def test_the_base_network_stands_beside_the_plan(plan: Planner, unet: NetworkSpec) -> None:
    base = plan(Limits(disk_bytes=10**6)).alternatives[0]
    assert (base.name, base.widths, base.relative_accuracy) == ("base", unet.widths, 1.0)
    assert not base.fits


def test_a_limit_that_the_base_network_keeps_gives_the_base_network(
    plan: Planner, unet: NetworkSpec
) -> None:
    solution = plan(Limits(disk_bytes=10**9))
    assert solution.widths == unet.widths
    assert solution.binding == ("base",)
    assert solution.predicted.relative == 1.0
    assert solution.alternatives[0].fits


def test_the_binding_limit_is_the_one_that_a_step_would_break(plan: Planner) -> None:
    profile = load_profile("jetson")
    wide = Limits(disk_bytes=10**6, latency_ms=1e9)
    narrow = Limits(disk_bytes=10**9, latency_ms=3.0)
    assert plan(wide, profile=profile).binding == ("disk",)
    assert plan(narrow, profile=profile).binding == ("latency",)
    assert plan(Limits(memory_bytes=10**6)).binding == ("memory",)
    assert plan(Limits(ram_bytes=85 * 10**6)).binding == ("ram",)
    assert plan(Limits(min_relative_accuracy=0.95)).binding == ("accuracy",)


@BOTH
def test_a_floor_alone_is_kept(plan: Planner, multiplier: Multiplier) -> None:
    solution = plan(Limits(min_relative_accuracy=0.95), multiplier=multiplier)
    assert solution.predicted.relative >= 0.95
    assert solution.minimised == "disk"


def test_a_floor_alone_leaves_no_channel_to_take_away(plan: Planner) -> None:
    for scale in plan(Limits(min_relative_accuracy=0.95)).scales:
        slope = 0.437 * scale.complexity + 0.0103
        decades = math.log10(scale.base_channels / (scale.channels - 1))
        assert scale.loss <= 0.05 < 2 * slope * decades


def test_the_least_network_is_least_in_disk_and_in_memory_at_once(plan: Planner) -> None:
    """Why --minimise changes no plan."""
    floor = Limits(min_relative_accuracy=0.9)
    disk, memory = (plan(floor, minimise=aim) for aim in ("disk", "memory"))
    assert disk.widths == memory.widths
    assert (disk.minimised, memory.minimised) == ("disk", "memory")


def test_base_accuracy_makes_the_prediction_absolute(plan: Planner) -> None:
    solution = plan(Limits(min_relative_accuracy=0.95), base_accuracy=0.8644)
    assert solution.predicted.absolute == pytest.approx(0.8644 * solution.predicted.relative)
    assert plan(Limits(disk_bytes=10**6)).predicted.absolute is None


def test_published_presets_are_uncalibrated(plan: Planner) -> None:
    assert not plan(Limits(disk_bytes=10**6)).predicted.calibrated


@pytest.mark.parametrize("profile", list_profiles(), ids=lambda p: p.name)
@pytest.mark.parametrize("size", [128, 512])
def test_every_target_has_a_plan_inside_its_default_budgets(
    plan: Planner, profile: Any, size: int
) -> None:
    budgets = profile.budgets
    limits = Limits(
        disk_bytes=budgets.disk_bytes,
        ram_bytes=budgets.ram_bytes,
        latency_ms=budgets.latency_ms,
    )
    solution = plan(limits, height=size, width=size, profile=profile)
    assert solution.unchecked == ()
    assert "base" not in solution.binding


# Limits that cannot be checked.


def test_a_limit_that_cannot_be_checked_is_named_and_not_passed(plan: Planner) -> None:
    solution = plan(Limits(disk_bytes=10**6, ram_bytes=10, latency_ms=1e-9), engine="abacus")
    assert solution.unchecked == ("latency", "ram")
    assert solution.estimate.ram_bytes is None


def test_only_limits_that_cannot_be_checked_are_refused(plan: Planner) -> None:
    with pytest.raises(UsageError, match="the only limits are ram, and they cannot be checked"):
        plan(Limits(ram_bytes=10**9), engine="abacus")


def test_no_limit_at_all_is_refused(plan: Planner) -> None:
    with pytest.raises(UsageError, match="a plan needs a limit: disk, ram, memory, latency"):
        plan(Limits())


# Infeasible: what binds, the smallest network's need, and the nearest limits that would do.

IMPOSSIBLE = [
    (Limits(disk_bytes=10_000), "disk binds: the smallest network (1-1-1-1-1) needs 10."),
    (Limits(ram_bytes=10**6), "ram binds: the smallest network (1-1-1-1-1) needs"),
    (Limits(memory_bytes=30_000), "memory binds: the smallest network (1-1-1-1-1) needs"),
    (Limits(disk_bytes=10_000, memory_bytes=30_000), "disk and memory bind: the smallest"),
    (
        Limits(disk_bytes=100_000, min_relative_accuracy=0.95),
        "the smallest network that keeps 95.0% of the base's accuracy (31-39-59-85-119)",
    ),
]


def from_hint(hint: str) -> Limits:
    """The limits that a hint writes as options, read as a person's options are."""
    given = dict(re.findall(r"--([a-z-]+) (\S+)", hint.partition(";")[0]))
    return Limits(
        disk_bytes=parse_bytes(given["disk"]) if "disk" in given else None,
        ram_bytes=parse_bytes(given["ram"]) if "ram" in given else None,
        memory_bytes=parse_bytes(given["memory"]) if "memory" in given else None,
        latency_ms=parse_ms(given["latency"]) if "latency" in given else None,
    )


@BOTH
@pytest.mark.parametrize(("limits", "message"), IMPOSSIBLE)
def test_an_infeasible_plan_says_what_binds_and_what_would_do(
    plan: Planner, limits: Limits, message: str, multiplier: Multiplier
) -> None:
    with pytest.raises(InfeasibleError) as caught:
        plan(limits, multiplier=multiplier)
    if multiplier == "layerwise":
        assert message in str(caught.value)
    would_do = from_hint(caught.value.hint)
    assert would_do != Limits()
    again = plan(would_do, multiplier=multiplier)
    floor = limits.min_relative_accuracy
    assert floor is None or again.predicted.relative >= floor


def test_latency_that_no_network_keeps_names_the_latency_that_one_would(plan: Planner) -> None:
    profile = load_profile("jetson")
    with pytest.raises(InfeasibleError, match="latency binds") as caught:
        plan(Limits(latency_ms=1e-3), profile=profile)
    assert plan(from_hint(caught.value.hint), profile=profile).widths == (4, 4, 4, 4, 4)


def test_an_infeasible_floor_also_names_the_floor_that_would_do(plan: Planner) -> None:
    limits = Limits(disk_bytes=100_000, min_relative_accuracy=0.95)
    with pytest.raises(InfeasibleError) as caught:
        plan(limits)
    (share,) = re.findall(r"--min-accuracy (\S+) inside these limits", caught.value.hint)
    reached = parse_share(share)
    lower = Limits(disk_bytes=100_000, min_relative_accuracy=reached)
    assert plan(lower).predicted.relative >= reached


@pytest.mark.parametrize("formulation", ["exact", "paper"])
def test_a_floor_above_the_base_network_is_infeasible(plan: Planner, formulation: str) -> None:
    with pytest.raises(InfeasibleError, match=r"accuracy binds: 104\.1% of the base network's"):
        plan(Limits(min_relative_accuracy=0.9 / 0.8644), formulation=formulation)


def test_the_papers_formulation_names_what_its_smallest_network_needs(plan: Planner) -> None:
    with pytest.raises(InfeasibleError, match="needs 860B of disk where 500B is allowed"):
        plan(Limits(disk_bytes=500), formulation="paper")


# What the papers' formulation refuses.


@pytest.mark.parametrize(
    ("limits", "found"),
    [
        (Limits(disk_bytes=10**6, min_relative_accuracy=0.9), "disk, accuracy"),
        (Limits(disk_bytes=10**6, memory_bytes=10**6), "disk, memory"),
        (Limits(ram_bytes=10**8), "ram"),
        (Limits(disk_bytes=10**6, latency_ms=5.0), "disk, latency"),
    ],
)
def test_the_papers_formulation_takes_one_limit(plan: Planner, limits: Limits, found: str) -> None:
    with pytest.raises(UsageError, match=f"takes exactly one of .* found {found}") as caught:
        plan(limits, formulation="paper")
    assert "--formulation exact" in caught.value.hint


def test_cc19_knows_no_layerwise_plan(plan: Planner) -> None:
    cc19 = find_preset("cc19", architecture="unet", metric="f1")
    with pytest.raises(UsageError, match="cc19 has one multiplier for the whole network"):
        plan(
            Limits(disk_bytes=10**6),
            degradation=cc19,
            complexity=ImageComplexity.given((0.2445,)),
            formulation="paper",
        )


def test_a_complexity_below_the_presets_range_is_refused(plan: Planner) -> None:
    cc19 = find_preset("cc19", architecture="unet", metric="f1")
    with pytest.raises(ConfigError, match=r"holds for a complexity C above 0\.0900"):
        plan(Limits(disk_bytes=10**6), degradation=cc19)


def test_a_size_that_the_network_cannot_take_is_planned_as_the_next_that_it_can(
    plan: Planner,
) -> None:
    limits = Limits(memory_bytes=2 * 10**6)
    odd, even = (plan(limits, height=n, width=n) for n in (100, 112))
    assert odd == even
    with pytest.raises(UsageError, match="at least 16x16 pixels, found 15x100"):
        plan(limits, height=15, width=100)


def test_a_solution_and_its_document_survive_json(plan: Planner) -> None:
    solution = plan(Limits(disk_bytes=10**6))
    assert serial.from_json(Solution, serial.to_json(solution)) == solution
    document = PlanDocument.of(solution)
    assert serial.from_json(PlanDocument, serial.to_json(document)) == document


def test_process_memory_is_asked_of_the_engine_that_was_named(
    plan: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def model(
        spec: NetworkSpec, *, height: int, width: int, options: SessionOptions, **_: object
    ) -> Forecast:
        assert (options.engine, height, width) == ("abacus", 64, 64)
        peak = 1000 * sum(spec.widths)
        return Forecast(peak_bytes=peak, least_bytes=peak // 2, most_bytes=2 * peak)

    monkeypatch.setitem(engine_memory.MODELS, "abacus", "beads")
    monkeypatch.setattr(engine_memory, "forecast", model)
    solution = plan(Limits(ram_bytes=100_000), engine="abacus")
    assert sum(solution.widths) == 50, "the upper end of the interval is inside the limit"
    cost = solution.estimate
    assert (cost.ram_least_bytes, cost.ram_bytes, cost.ram_most_bytes) == (25_000, 50_000, 100_000)


def test_another_j_is_an_error_with_a_hint_and_with_force_a_warning(
    unet: NetworkSpec, lymph: ImageComplexity, cc21: Degradation
) -> None:
    measured = replace(lymph, definition=DEFAULT_DEFINITION)
    preset = replace(cc21, definition="another-v1-0")
    limits = Limits(disk_bytes=10**6)
    with pytest.raises(ConfigError, match="fitted with J as another-v1-0") as error:
        solve(unet, measured, preset, limits, height=64, width=64)
    assert "--force" in error.value.hint
    found = solve(unet, measured, preset, limits, height=64, width=64, force=True)
    assert found.predicted.warnings[0] == error.value.message
    assert f"WARNING: {error.value.message}" in describe(found)


def test_a_prediction_has_the_interval_of_the_scale_that_loses_most(
    unet: NetworkSpec, lymph: ImageComplexity, cc21: Degradation
) -> None:
    found = solve(
        unet, lymph, cc21, Limits(disk_bytes=10**6), height=64, width=64, multiplier="uniform"
    )
    losses = [scale.loss for scale in found.scales]
    worst = losses.index(max(losses))
    assert cc21.spread is not None
    assert found.predicted.half_width == half_width(
        cc21.spread,
        complexity=found.scales[worst].complexity,
        reduction=2 * math.log10(unet.widths[worst] / found.widths[worst]),
    )
    low, high = found.predicted.interval or (0, 0)
    assert low < found.predicted.relative < high
    base = next(other for other in found.alternatives if other.name == "base")
    assert (base.relative_accuracy, base.half_width) == (1, 0)
