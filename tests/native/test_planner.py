"""The engine's choices against brute force, and by laws."""

import itertools
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccnet_edge.errors import ConfigError
from ccnet_edge.native import Choices, EnginePlan, evaluate, plan_engine
from ccnet_edge.native.lower import Keep, skips_of
from ccnet_edge.native.planner import MOST_BANDS, candidates
from ccnet_edge.spec.network import NetworkSpec
from tests.native.networks import thin_unet

SIDE = 48
WIDTHS = ((4, 8, 16, 32, 65), (20, 19, 25, 29, 33), (16, 32, 64, 128, 256), (1, 2, 3, 4, 5))


@cache
def every(network: NetworkSpec, *, half: bool = False) -> list[EnginePlan]:
    """All candidates with the rings that they ship with."""
    return [
        evaluate(network, height=SIDE, width=SIDE, choices=choices, bands=MOST_BANDS)
        for choices in candidates(network, height=SIDE, width=SIDE, half=half)
    ]


def cost(plan: EnginePlan) -> tuple[float, int]:
    return plan.cycles, plan.memory_bytes


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("widths", WIDTHS)
def test_least_memory_is_the_least_of_all_candidates(widths: tuple[int, ...], half: bool) -> None:
    network = thin_unet(widths)
    plan = plan_engine(network, height=SIDE, width=SIDE, goal="memory", half=half)
    assert plan.memory_bytes == min(each.memory_bytes for each in every(network, half=half))


@pytest.mark.parametrize(("widths", "half"), [(WIDTHS[0], True), (WIDTHS[1], False)])
def test_least_time_under_any_limit_is_that_of_brute_force(
    widths: tuple[int, ...], half: bool
) -> None:
    network = thin_unet(widths)
    found = every(network, half=half)
    slower = float("inf")
    for limit in sorted({plan.memory_bytes for plan in found}):
        plan = plan_engine(network, height=SIDE, width=SIDE, limit_bytes=limit, half=half)
        assert cost(plan) == min(cost(each) for each in found if each.memory_bytes <= limit)
        assert plan.cycles <= slower
        slower = plan.cycles
    without = plan_engine(network, height=SIDE, width=SIDE, half=half)
    assert without.cycles == slower == min(each.cycles for each in found)


def test_a_limit_that_nothing_fits_gives_the_least_memory() -> None:
    network = thin_unet(WIDTHS[0])
    least = plan_engine(network, height=SIDE, width=SIDE, goal="memory")
    assert plan_engine(network, height=SIDE, width=SIDE, limit_bytes=1) == least


@settings(max_examples=5, deadline=None)
@given(st.sampled_from(WIDTHS), st.integers(100_000, 2_000_000), st.integers(0, 2_000_000))
def test_a_looser_limit_is_never_slower_and_a_plans_memory_fits(
    widths: tuple[int, ...], limit: int, more: int
) -> None:
    network = thin_unet(widths)
    tight = plan_engine(network, height=SIDE, width=SIDE, limit_bytes=limit)
    loose = plan_engine(network, height=SIDE, width=SIDE, limit_bytes=limit + more)
    least = plan_engine(network, height=SIDE, width=SIDE, goal="memory")
    assert loose.cycles <= tight.cycles or tight.memory_bytes > limit
    assert tight.memory_bytes <= limit or least.memory_bytes > limit


def test_no_candidate_comes_twice_and_fp16_comes_only_when_asked_for() -> None:
    network = thin_unet(WIDTHS[0])
    for half in (False, True):
        found = list(candidates(network, height=SIDE, width=SIDE, half=half))
        assert len(set(found)) == len(found)
        kept = {keep for choices in found for _, keep in choices.skips}
        assert kept == {"fp32", "recompute"} | ({"fp16"} if half else set())


def test_every_combination_of_kept_skips_lowers_to_the_memory_of_its_parts() -> None:
    network = thin_unet(WIDTHS[0])
    names = skips_of(network)
    ways: tuple[Keep, ...] = ("fp32", "fp16")
    for kept in itertools.product(ways, repeat=len(names)):
        choices = Choices(skips=tuple(zip(names, kept, strict=True)))
        plan = evaluate(network, height=SIDE, width=SIDE, choices=choices)
        image = SIDE * SIDE * 3
        parts = plan.layout.arena_bytes + plan.weights_bytes + image + SIDE * SIDE
        assert plan.memory_bytes == parts


@pytest.mark.parametrize("size", [(60, 64), (64, 60), (0, 64), (8, 8)])
def test_a_size_that_the_scales_do_not_divide_is_refused_with_one_that_they_do(
    size: tuple[int, int],
) -> None:
    with pytest.raises(ConfigError, match=r"that 16 divides were wanted") as error:
        plan_engine(thin_unet(WIDTHS[0]), height=size[0], width=size[1])
    assert "use " in error.value.hint
