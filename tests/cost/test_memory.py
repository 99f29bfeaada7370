"""The memory planner: laws over random lifetimes, and its checker over planted faults."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.cost import MemoryPlan, PlacedTensor, check_memory, plan_memory
from ccnet_edge.cost.memory import Lifetime, lifetimes, peak_bytes, place
from ccnet_edge.spec.network import NetworkSpec
from tests.cost.conftest import networks

LIVES = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 12), st.integers(0, 6)), min_size=1, max_size=14
)


def tensors(lives: list[tuple[int, int, int]]) -> tuple[Lifetime, ...]:
    return tuple(
        Lifetime(name=f"t{i}", size_bytes=size, first=first, last=first + length)
        for i, (size, first, length) in enumerate(lives)
    )


def bytes_by_step(lives: list[tuple[int, int, int]]) -> list[int]:
    """What is needed in every step, counted without any of the planner's code."""
    return [sum(size for size, a, n in lives if a <= step <= a + n) for step in range(20)]


@given(lives=LIVES)
def test_live_tensors_never_share_bytes(lives: list[tuple[int, int, int]]) -> None:
    plan = place(tensors(lives))
    for step in range(20):
        taken: set[int] = set()
        for tensor in plan.tensors:
            if tensor.first <= step <= tensor.last:
                own = set(range(tensor.offset, tensor.end))
                assert not own & taken
                taken |= own


@given(lives=LIVES)
def test_peak_is_at_most_arena_is_at_most_sum(lives: list[tuple[int, int, int]]) -> None:
    plan = place(tensors(lives))
    assert plan.peak_bytes == max(bytes_by_step(lives))
    assert plan.peak_bytes <= plan.arena_bytes <= sum(size for size, _, _ in lives)


@given(lives=LIVES)
def test_the_checker_finds_nothing_wrong_with_the_planner(
    lives: list[tuple[int, int, int]],
) -> None:
    assert check_memory(place(tensors(lives))) == ()


def test_two_tensors_with_equal_lifetimes_lie_apart() -> None:
    plan = place(tensors([(8, 0, 1), (8, 0, 1)]))
    assert {tensor.offset for tensor in plan.tensors} == {0, 8}


@settings(max_examples=60, deadline=None)
@given(network=networks(most=64))
def test_an_architectures_arena_is_its_peak(network: NetworkSpec) -> None:
    """The solver takes memory for a cost that never falls with a channel: the peak is one.

    Networks with branches need a little more than their peak in some arrangements.
    """
    plan = plan_memory(network, height=32, width=64, bits=32)
    assert plan.arena_bytes <= (1 if network.architecture == "unet" else 1.25) * plan.peak_bytes
    assert check_memory(plan) == ()


def test_an_arena_is_its_peak_where_skips_are_smaller_than_the_input() -> None:
    spec = ARCHITECTURES["unet"](1, 3).with_widths((1, 3, 1, 1, 1))
    plan = plan_memory(spec, height=32, width=64, bits=32)
    assert plan.arena_bytes == plan.peak_bytes == (1 + 3) * 32 * 64 * 4  # the head's step


@settings(max_examples=20, deadline=None)
@given(network=networks())
def test_a_tensor_lives_until_it_is_read_for_the_last_time(network: NetworkSpec) -> None:
    lives = {life.name: life for life in lifetimes(network, height=32, width=32, bits=32)}
    order = [node.name for node in network.nodes]
    for node in network.nodes:
        readers = [order.index(n.name) for n in network.nodes if node.name in n.inputs]
        assert lives[node.name].first == order.index(node.name)
        assert lives[node.name].last == max(readers, default=order.index(node.name))


def test_odd_bit_widths_are_rounded_up_to_whole_bytes() -> None:
    spec = ARCHITECTURES["unet"](in_channels=1).with_widths((1, 1, 1, 1, 1))
    sizes = {t.name: t.size_bytes for t in lifetimes(spec, height=16, width=16, bits=3)}
    assert sizes["bottleneck_conv2"] == 1  # one value of three bits
    assert sizes["input"] == 96  # 256 values of three bits


PLAN = place(tensors([(8, 0, 2), (4, 1, 2), (6, 3, 1)]))


def moved(name: str, **changes: Any) -> MemoryPlan:
    """`PLAN` with one tensor changed."""
    changed: tuple[PlacedTensor, ...] = tuple(
        replace(t, **changes) if t.name == name else t for t in PLAN.tensors
    )
    return replace(PLAN, tensors=changed)


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        (moved("t1", offset=7), "t1 at byte 7 lies on t0"),
        (moved("t1", offset=-1), "lies on"),
        (moved("t1", offset=100), "t1 ends at 104, arena 12"),
        (moved("t2", first=2), "lies on"),
        (moved("t0", size_bytes=9), "the busiest step needs 13 bytes, the plan says 12"),
        (replace(PLAN, peak_bytes=11), "the busiest step needs 12 bytes, the plan says 11"),
        (replace(PLAN, arena_bytes=11), "ends at 12, arena 11"),
    ],
)
def test_the_checker_finds_planted_faults(fault: MemoryPlan, complaint: str) -> None:
    assert check_memory(PLAN) == ()
    assert any(complaint in problem for problem in check_memory(fault))


def test_nothing_needs_nothing() -> None:
    assert place(()) == MemoryPlan(tensors=(), peak_bytes=0, arena_bytes=0)
    assert peak_bytes(()) == 0
