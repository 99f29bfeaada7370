"""Lesions against a flood fill by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ccnet_edge.device.imaging.resize import resize, resize_labels
from ccnet_edge.device.metrics import count_missed, number_lesions

Mask = NDArray[np.bool_]


def count_lesions(truth: Mask, predicted: Mask) -> tuple[int, int]:
    lesions = number_lesions(truth.astype(np.uint8), classes=2)
    return count_missed(lesions, predicted & truth)


def flood(mask: Mask) -> list[set[tuple[int, int]]]:
    """The parts of a mask by walking from pixel to pixel."""
    left = {(r, c) for r, c in np.argwhere(mask).tolist()}
    parts = []
    while left:
        part, edge = set(), [left.pop()]
        while edge:
            r, c = edge.pop()
            part.add((r, c))
            near = {(r + i, c + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            edge += near
        parts.append(part)
    return parts


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    height=st.integers(1, 14),
    width=st.integers(1, 14),
    share=st.floats(0, 1),
)
def test_parts_and_missed_ones_are_those_of_a_flood_fill(
    seed: int, height: int, width: int, share: float
) -> None:
    generator = np.random.default_rng(seed)
    truth = generator.random((height, width)) < share
    predicted = generator.random((height, width)) < 0.1
    parts = flood(truth)
    missed = sum(not any(predicted[pixel] for pixel in part) for part in parts)
    assert count_lesions(truth, predicted) == (len(parts), missed)


def mask(text: str) -> Mask:
    return np.array([[pixel == "#" for pixel in row] for row in text.split()])


def test_pixels_that_touch_by_a_corner_are_one_lesion() -> None:
    assert count_lesions(mask("#.. .#. ..#"), mask("... ... ..#")) == (1, 0)


def test_a_row_does_not_go_on_in_the_next() -> None:
    assert count_lesions(mask("..## #... ...."), mask(".... .... ....")) == (2, 2)


@pytest.mark.parametrize("side", [1, 2, 3, 40])
def test_a_snake_through_the_whole_image_is_one_lesion(side: int) -> None:
    snake = np.zeros((2 * side + 1, 30), bool)
    snake[::2] = True
    snake[1::4, -1] = snake[3::4, 0] = True
    found = np.zeros_like(snake)
    found[-1, 0] = True
    assert count_lesions(snake, found) == (1, 0)


def test_nothing_has_no_lesions() -> None:
    nothing = np.zeros((4, 4), bool)
    assert count_lesions(nothing, ~nothing) == (0, 0)


def test_lesions_of_each_class_have_numbers_of_their_own() -> None:
    truth = np.array([[1, 1, 0, 2], [0, 0, 0, 2], [255, 0, 1, 2]], np.uint8)
    lesions = number_lesions(truth, classes=3)
    assert lesions.tolist() == [[1, 1, 0, 3], [0, 0, 0, 3], [0, 0, 2, 3]]
    assert count_missed(lesions, truth == 1) == (3, 1)


def test_a_lesion_that_resizing_breaks_stays_one_and_one_that_it_loses_is_none() -> None:
    truth = np.zeros((8, 8), np.uint8)
    truth[1:7, 1] = truth[1, 1:7] = truth[1:7, 6] = 1
    truth[4, 4] = 1
    lesions = number_lesions(truth, classes=2)
    half = resize(lesions[..., None], height=4, width=4, method="nearest")[..., 0]
    labels = resize_labels(truth, height=4, width=4)
    assert ((half > 0) == (labels > 0)).all()
    assert flood(labels > 0) != [set()]
    assert count_missed(half, np.zeros((4, 4), bool))[0] == 1
