"""HD95 against every distance by hand, and what empty masks are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ccnet_edge.device.metrics import hausdorff95
from ccnet_edge.device.metrics.surface import outline

Mask = NDArray[np.bool_]


def drawn(seed: int, shape: tuple[int, int], share: float) -> Mask:
    return np.random.default_rng(seed).random(shape) < share


def outline_by_hand(mask: Mask) -> list[tuple[int, int]]:
    found = []
    for r, c in np.argwhere(mask).tolist():
        around = [(r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)]
        inside = (
            0 <= i < mask.shape[0] and 0 <= j < mask.shape[1] and mask[i, j] for i, j in around
        )
        if not all(inside):
            found.append((r, c))
    return found


def by_hand(a: Mask, b: Mask) -> float:
    edges = outline_by_hand(a), outline_by_hand(b)
    return max(
        float(np.percentile([min(math.dist(p, q) for q in there) for p in here], 95))
        for here, there in (edges, edges[::-1])
    )


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    height=st.integers(1, 11),
    width=st.integers(1, 11),
    shares=st.tuples(st.floats(0.02, 0.98), st.floats(0.02, 0.98)),
)
def test_it_is_what_every_distance_by_hand_gives(
    seed: int, height: int, width: int, shares: tuple[float, float]
) -> None:
    a, b = (drawn(seed + i, (height, width), share) for i, share in enumerate(shares))
    if a.any() and b.any():
        assert hausdorff95(a, b) == pytest.approx(by_hand(a, b), abs=1e-12)


def test_far_apart_in_a_large_image() -> None:
    a, b = np.zeros((2, 300, 500), bool)
    a[10, 20] = b[290, 480] = True
    assert hausdorff95(a, b) == math.hypot(280, 460)


def test_a_disk_that_grows_by_three_pixels_is_three_away() -> None:
    rows, columns = np.indices((128, 128)) - 64
    small, large = (rows**2 + columns**2 <= r * r for r in (30, 33))
    assert hausdorff95(small, large) == pytest.approx(3, abs=0.5)


def test_an_outline_is_closed_at_the_image_border() -> None:
    full = np.ones((5, 7), bool)
    assert outline(full).sum() == 5 * 7 - 3 * 5


def test_empty_masks_are_together_and_as_far_as_can_be_from_others() -> None:
    empty, one = np.zeros((30, 40), bool), np.zeros((30, 40), bool)
    one[3, 4] = True
    assert hausdorff95(empty, empty) == 0
    assert hausdorff95(empty, one) == hausdorff95(one, empty) == 50
