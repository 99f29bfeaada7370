"""Laws of overlays: background untouched, regions tinted, outlines in full colour."""

from __future__ import annotations

import numpy as np
import pytest

from ccnet_edge.device.imaging.overlay import COLOURS, OPACITY, displayable, outline, overlay


def test_background_keeps_its_pixels_and_the_outline_is_the_classes_colour() -> None:
    image = np.full((7, 7, 3), 100, np.uint8)
    labels = np.zeros((7, 7), np.uint8)
    labels[1:6, 1:6] = 2
    drawn = overlay(image, labels)
    assert (drawn[labels == 0] == 100).all()
    assert (drawn[1, 1:6] == COLOURS[1]).all()
    assert (drawn[1:6, 5] == COLOURS[1]).all()
    inside = np.rint((1 - OPACITY) * 100 + OPACITY * np.array(COLOURS[1]))
    assert np.array_equal(drawn[3, 3], inside)


def test_an_image_without_foreground_is_the_image() -> None:
    image = np.random.default_rng(0).integers(0, 256, (9, 5, 3), dtype=np.uint8)
    assert np.array_equal(overlay(image, np.zeros((9, 5), np.uint8)), image)


def test_the_images_edge_is_no_outline() -> None:
    region = np.zeros((4, 6), bool)
    region[:, :3] = True
    assert np.array_equal(np.argwhere(outline(region)), [[r, 2] for r in range(4)])


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_any_image_can_be_shown(channels: int, dtype: type[np.uint8 | np.uint16]) -> None:
    image = np.asarray(np.random.default_rng(1).integers(0, 200, (8, 8, channels)), dtype)
    shown = displayable(image)
    assert shown.shape == (8, 8, 3)
    assert shown.dtype == np.uint8


def test_sixteen_bits_are_stretched_to_what_is_there() -> None:
    ramp = np.linspace(1000, 1400, 10_000).astype(np.uint16).reshape(100, 100, 1)
    shown = displayable(ramp)
    assert shown.min() == 0
    assert shown.max() == 255


def test_a_constant_image_can_be_shown() -> None:
    assert (displayable(np.full((3, 3, 1), 40_000, np.uint16)) == 0).all()
