"""Laws of the arena: nothing overlaps or is lost, and a region costs what was touched of it."""

from __future__ import annotations

import itertools
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from ccnet_edge.cost.engine_memory.arena import FIRST_REGION, PAGE, ROUND, Arena

KIB, MIB = 2**10, 2**20
# Sizes over many orders, each either asked for or, where negative, given back by its number.
sizes = st.integers(0, 26).flatmap(lambda power: st.integers(2**power, 2 ** (power + 1)))
requests = st.lists(st.tuples(st.booleans(), sizes), min_size=1, max_size=60)


@given(requests)
@settings(max_examples=75, deadline=None)
def test_live_chunks_never_overlap_and_lie_inside_their_regions(
    asked: list[tuple[bool, int]],
) -> None:
    arena, live = Arena(), dict[int, int]()
    largest = 0
    for gives_back, size in asked:
        if gives_back and live:
            start = sorted(live)[size % len(live)]
            del live[start]
            arena.release(start)
        else:
            live[arena.allocate(size)] = size
        largest = max(largest, sum(live.values()))
        placed = sorted(live.items())
        for (start, length), (after, _) in itertools.pairwise(placed):
            assert start + length <= after
    assert arena.resident_bytes() >= largest - len(asked) * PAGE
    assert arena.resident_bytes() <= sum(arena.regions) + PAGE * len(arena.regions)


@given(st.lists(sizes, min_size=1, max_size=30), st.randoms())
@settings(max_examples=50, deadline=None)
def test_what_was_given_back_is_whole_again(asked: list[int], chance: object) -> None:
    """The largest region can be had in one piece, so all of its chunks have joined."""
    arena = Arena()
    starts = [arena.allocate(size) for size in asked]
    assert isinstance(chance, random.Random)
    chance.shuffle(starts)
    for start in starts:
        arena.release(start)
    regions = arena.regions
    arena.allocate(max(regions))
    assert arena.regions == regions


def test_regions_double_and_are_doubled_until_a_request_fits() -> None:
    arena = Arena()
    grown = []
    for size in (10, 5 * MIB, 1 * MIB, 8 * MIB):
        arena.allocate(size)
        grown.append(arena.regions)
    assert grown[0] == (FIRST_REGION,)
    assert grown[1] == (MIB, 8 * MIB)
    # The chunk of 8 MiB went whole to the 5, less than half of it, so nothing of it is left.
    assert grown[2] == (MIB, 8 * MIB, 8 * MIB)
    assert grown[3] == (MIB, 8 * MIB, 8 * MIB, 16 * MIB)


def test_a_tensor_costs_its_own_pages_in_a_chunk_of_nearly_twice_its_size() -> None:
    arena = Arena()
    arena.allocate(5 * MIB)
    assert arena.regions == (8 * MIB,)
    assert arena.resident_bytes() == 5 * MIB


def test_the_smallest_chunk_that_holds_a_request_is_given() -> None:
    arena = Arena()
    small, _, large, _ = (arena.allocate(size * KIB) for size in (64, 1, 128, 1))
    arena.release(large)
    arena.release(small)
    assert arena.allocate(50 * KIB) == small
    assert arena.allocate(50 * KIB) == large
    assert small % ROUND == 0


def test_touching_the_same_addresses_again_costs_nothing() -> None:
    arena = Arena()
    for _ in range(10):
        arena.release(arena.allocate(3 * MIB))
    assert arena.resident_bytes() == 3 * MIB
