"""The worked figures of the papers: U-Net on the lymph node data with CC21's preset for F1."""

import math

import pytest

from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.cost import values_per_scale, weights
from ccnet_edge.degradation import find_preset
from ccnet_edge.solver import solve
from ccnet_edge.spec.complexity import ImageComplexity
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.plan import Degradation, Limits, Multiplier, Solution

DISK = Limits(disk_bytes=10**6)
FLOOR = Limits(min_relative_accuracy=0.95)

# Case, continuous channels by the formula, printed channels, printed log θ (CC21 Table 6).
CASES = [
    (DISK, "uniform", (4.06, 8.12, 16.25, 32.50, 65.00), (4, 8, 16, 32, 65), 5.089),
    (DISK, "layerwise", (19.62, 19.20, 24.97, 30.11, 34.35), (20, 19, 25, 29, 33), 5.090),
    (FLOOR, "uniform", (30.20, 60.39, 120.79, 241.58, 483.15), (30, 60, 120, 240, 480), 6.834),
    (FLOOR, "layerwise", (30.20, 38.34, 58.34, 84.61, 118.45), (30, 39, 59, 85, 119), 5.925),
]
TABLE_6 = pytest.mark.parametrize(
    ("limits", "multiplier", "formula", "printed", "log_theta"), CASES
)


@pytest.fixture
def paper(unet: NetworkSpec, lymph: ImageComplexity, cc21: Degradation) -> "Paper":
    return Paper(unet, lymph, cc21)


class Paper:
    """`solve` in the papers' formulation at q = 64 bits."""

    def __init__(self, unet: NetworkSpec, lymph: ImageComplexity, cc21: Degradation) -> None:
        self.arguments = (unet, lymph, cc21)

    def __call__(self, limits: Limits, multiplier: Multiplier) -> Solution:
        return solve(
            *self.arguments,
            limits,
            height=512,
            width=512,
            bits=64,
            multiplier=multiplier,
            formulation="paper",
        )


@TABLE_6
def test_continuous_channels_are_the_formulas(
    paper: Paper,
    limits: Limits,
    multiplier: Multiplier,
    formula: tuple[float, ...],
    printed: tuple[int, ...],
    log_theta: float,
) -> None:
    found = [scale.continuous_channels for scale in paper(limits, multiplier).scales]
    assert found == pytest.approx(formula, abs=0.0051)


@TABLE_6
def test_whole_channels_are_within_one_or_one_percent_of_the_printed(
    paper: Paper,
    limits: Limits,
    multiplier: Multiplier,
    formula: tuple[float, ...],
    printed: tuple[int, ...],
    log_theta: float,
) -> None:
    solution = paper(limits, multiplier)
    for ours, theirs in zip(solution.widths, printed, strict=True):
        assert abs(ours - theirs) <= max(1, 0.01 * theirs)
    assert solution.estimate.log_theta == pytest.approx(log_theta, abs=0.012)


@TABLE_6
def test_the_printed_channels_have_the_printed_log_theta(
    unet: NetworkSpec,
    limits: Limits,
    multiplier: Multiplier,
    formula: tuple[float, ...],
    printed: tuple[int, ...],
    log_theta: float,
) -> None:
    assert math.log10(weights(unet.with_widths(printed))) == pytest.approx(log_theta, abs=0.002)


@pytest.mark.parametrize("multiplier", ["uniform", "layerwise"])
def test_a_disk_plan_is_never_over_its_budget(paper: Paper, multiplier: Multiplier) -> None:
    for budget in range(2_000, 400_000_000, 7_654_321):
        solution = paper(Limits(disk_bytes=budget), multiplier)
        assert solution.estimate.weights * 8 <= budget
        assert solution.estimate.disk_bytes <= budget


@pytest.mark.parametrize("multiplier", ["uniform", "layerwise"])
def test_a_floors_plan_keeps_the_floor(paper: Paper, multiplier: Multiplier) -> None:
    for floor in (0.6, 0.9, 0.95, 0.999, 1.0):
        solution = paper(Limits(min_relative_accuracy=floor), multiplier)
        assert solution.predicted.relative >= floor
        assert solution.binding == (("base",) if floor == 1.0 else ("accuracy",))


def test_base_network_has_the_printed_log_theta(unet: NetworkSpec) -> None:
    assert math.log10(weights(unet)) == pytest.approx(7.492, abs=0.0005)


MEMORY = Limits(memory_bytes=64 * 10**6)


@pytest.fixture
def in_memory(lymph: ImageComplexity, cc21: Degradation) -> "InMemory":
    return InMemory(lymph, cc21)


class InMemory:
    """64 MB at 32 bits for the U-Net with three input channels at 512 × 512."""

    def __init__(self, lymph: ImageComplexity, cc21: Degradation) -> None:
        self.base = ARCHITECTURES["unet"](in_channels=3, outputs=1)
        self.lymph, self.cc21 = lymph, cc21

    def __call__(self, multiplier: Multiplier) -> Solution:
        return solve(
            self.base,
            self.lymph,
            self.cc21,
            MEMORY,
            height=512,
            width=512,
            multiplier=multiplier,
            formulation="paper",
        )


def test_main_memory_uniform_is_the_one_worked_by_hand(in_memory: InMemory) -> None:
    solution = in_memory("uniform")
    continuous = [scale.continuous_channels for scale in solution.scales]
    assert continuous == pytest.approx((5.37, 10.74, 21.48, 42.96, 85.93), abs=0.0051)
    assert solution.widths == (5, 10, 21, 42, 85)
    assert solution.estimate.held_values == 13_057_405
    assert solution.binding == ("memory",)


def test_main_memory_layerwise_is_the_one_worked_by_hand(in_memory: InMemory) -> None:
    solution = in_memory("layerwise")
    continuous = [scale.continuous_channels for scale in solution.scales]
    assert continuous == pytest.approx((9.83, 6.33, 6.40, 5.74, 4.72), abs=0.0051)
    assert solution.widths == (9, 6, 6, 5, 4)


@pytest.mark.parametrize("multiplier", ["uniform", "layerwise"])
def test_a_memory_plan_never_holds_more_values_than_its_budget(
    in_memory: InMemory, multiplier: Multiplier
) -> None:
    solution = in_memory(multiplier)
    held = sum(values_per_scale(solution.network, height=512, width=512))
    assert held == solution.estimate.held_values <= 16_000_000


def test_cc19_takes_one_complexity_and_rounds_up_to_sixty_fourths(unet: NetworkSpec) -> None:
    """Lymph nodes, CC19 Table 1: λC + δ = 0.0635, so α = 10^(−0.05 / 2 / 0.0635) = 25.9 / 64."""
    cc19 = find_preset("cc19", architecture="unet", metric="f1")
    solution = solve(
        unet,
        ImageComplexity.given((0.2445,)),
        cc19,
        FLOOR,
        height=512,
        width=512,
        multiplier="uniform",
        formulation="paper",
    )
    assert solution.scales[0].continuous_channels == pytest.approx(25.85, abs=0.01)
    assert solution.widths == (26, 52, 104, 208, 416)


def test_cc19_rounds_a_disk_budget_down_to_sixty_fourths(unet: NetworkSpec) -> None:
    cc19 = find_preset("cc19", architecture="unet", metric="f1")
    solution = solve(
        unet,
        ImageComplexity.given((0.2445,)),
        cc19,
        Limits(disk_bytes=10**6),
        height=512,
        width=512,
        multiplier="uniform",
        formulation="paper",
    )
    # α = √(250 000 / 31 023 744) = 5.74 / 64
    assert solution.widths == (5, 10, 20, 40, 80)


def test_cc19_goes_down_a_sixty_fourth_where_the_first_layer_breaks_the_budget(
    unet: NetworkSpec,
) -> None:
    """α = 32/64 exactly, but the first layer and the head shrink with α and not α²."""
    cc19 = find_preset("cc19", architecture="unet", metric="f1")
    solution = solve(
        unet,
        ImageComplexity.given((0.2445,)),
        cc19,
        Limits(disk_bytes=31_023_744),
        height=512,
        width=512,
        multiplier="uniform",
        formulation="paper",
    )
    assert solution.widths == (31, 62, 124, 248, 496)
