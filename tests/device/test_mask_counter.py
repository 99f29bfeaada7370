"""Scores of masks over images: several classes, ignored pixels, and empty truths."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ccnet_edge.device.metrics import IGNORE, MaskCounter, image_dice

TWO = ("background", "vessel")
Labels = NDArray[np.uint8]


def square(top: int, left: int, side: int, *, label: int = 1, size: int = 20) -> Labels:
    mask = np.zeros((size, size), np.uint8)
    mask[top : top + side, left : left + side] = label
    return mask


def test_overlap_is_pooled_over_pixels_and_distance_the_mean_over_images() -> None:
    counter = MaskCounter(TWO)
    counter.add(square(0, 0, 10), square(0, 0, 10))
    counter.add(square(0, 0, 4), square(0, 2, 4))  # half of it, two pixels aside
    scores = counter.scores()
    assert scores.dice == pytest.approx(2 * (100 + 8) / (200 + 32))
    assert scores.hd95_px == pytest.approx((0 + 2) / 2)
    assert (scores.lesions, scores.missed) == (2, 0)


def test_classes_are_scored_one_by_one() -> None:
    truth = square(0, 0, 5) + square(10, 10, 5, label=2)
    predicted = square(0, 0, 5) + square(10, 10, 5, label=1)
    counter = MaskCounter(("background", "a", "b"))
    counter.add(truth, predicted)
    scores = counter.scores()
    assert scores.dice == pytest.approx((2 * 25 / 75 + 0) / 2)
    assert (scores.lesions, scores.missed) == (2, 1)
    assert scores.missed_points == 50
    # Class b is found nowhere: as far away as the image is large.
    assert scores.hd95_px > np.hypot(20, 20) / 2


def test_what_does_not_count_is_no_lesion_and_no_false_pixel() -> None:
    truth, predicted = square(0, 0, 5), square(0, 0, 5) + square(12, 12, 6)
    truth[12:, 12:] = IGNORE
    counter = MaskCounter(TWO)
    counter.add(truth, predicted)
    assert counter.scores().dice == 1
    assert counter.scores().hd95_px == 0
    assert counter.scores().lesions == 1
    assert image_dice(truth, predicted, classes=2) == 1


def test_nothing_found_where_nothing_is_is_no_failure() -> None:
    counter, nothing = MaskCounter(TWO), np.zeros((20, 20), np.uint8)
    counter.add(nothing, nothing)
    scores = counter.scores()
    assert (scores.dice, scores.hd95_px, scores.lesions, scores.missed_points) == (None, 0, 0, 0)
    assert image_dice(nothing, nothing, classes=2) == 1


def test_false_pixels_on_a_healthy_image_count_by_their_share() -> None:
    assert image_dice(square(0, 0, 0), square(0, 0, 2), classes=2) == pytest.approx(1 - 4 / 400)
    assert image_dice(square(0, 0, 2), square(0, 0, 0), classes=2) == 0
