"""Laws of preprocessing: the documented formula, and geometry that goes back exactly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccnet_edge.device.imaging.preprocess import crop, prepare, prepare_at, restore_labels
from ccnet_edge.errors import DataError
from ccnet_edge.spec.artifact import Preprocessing


def preprocessing(
    *, height: int = 4, width: int = 6, channels: int = 3, maximum: float = 255.0
) -> Preprocessing:
    return Preprocessing(
        height=height,
        width=width,
        channels=channels,
        maximum=maximum,
        mean=tuple(0.1 * (c + 1) for c in range(channels)),
        std=tuple(0.5 + 0.1 * c for c in range(channels)),
    )


def test_input_is_sample_over_maximum_minus_mean_over_std_channel_first() -> None:
    image = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    x = prepare(image, preprocessing())
    assert x.shape == (1, 3, 4, 6)
    assert x.dtype == np.float32
    mean, std = np.array([0.1, 0.2, 0.3]), np.array([0.5, 0.6, 0.7])
    expected = (image / 255 - mean) / std
    np.testing.assert_allclose(x[0], expected.transpose(2, 0, 1), atol=1e-6)


def test_halving_with_a_box_filter_is_the_mean_of_blocks() -> None:
    image = np.random.default_rng(1).integers(0, 65536, (8, 12, 1), dtype=np.uint16)
    x = prepare(image, preprocessing(channels=1, maximum=65535.0))
    blocks = image.reshape(4, 2, 6, 2).mean(axis=(1, 3)) / 65535
    np.testing.assert_allclose(x[0, 0], (blocks - 0.1) / 0.5, atol=1e-6)


def test_equal_brightness_of_8_and_16_bits_is_an_equal_input() -> None:
    grey = np.arange(24, dtype=np.uint8).reshape(4, 6, 1) * 10
    wide = grey.astype(np.uint16) * 257  # 255 → 65 535
    for maximum in (255.0, 65535.0):
        pre = preprocessing(channels=1, maximum=maximum)
        np.testing.assert_allclose(prepare(grey, pre), prepare(wide, pre), atol=1e-6)


def test_a_grey_image_feeds_a_colour_network_and_the_reverse() -> None:
    grey = np.full((4, 6, 1), 51, np.uint8)
    colour = prepare(grey, preprocessing())
    assert np.allclose(colour[0, :, 0, 0], [(0.2 - 0.1) / 0.5, 0.0, (0.2 - 0.3) / 0.7], atol=1e-6)
    back = prepare(np.repeat(grey, 3, axis=2), preprocessing(channels=1))
    np.testing.assert_allclose(back, (0.2 - 0.1) / 0.5, atol=1e-6)


def test_preparing_at_the_networks_size_is_preparing() -> None:
    image = np.random.default_rng(2).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    pre = preprocessing()
    assert np.array_equal(prepare(image, pre), prepare_at(image, pre, height=4, width=6))


@pytest.mark.parametrize(
    "image", [np.zeros((4, 6), np.uint8), np.zeros((4, 6, 3), np.float32)], ids=["2d", "float"]
)
def test_what_is_no_image_is_refused_with_what_was_found(image: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"\[H, W, C\] of uint8 or uint16 was wanted, found \[4, 6"):
        prepare(image, preprocessing())


def test_channels_that_cannot_be_converted_are_refused() -> None:
    with pytest.raises(DataError, match="3 channels was wanted, found 4"):
        prepare(np.zeros((4, 6, 4), np.uint8), preprocessing())


@given(
    st.integers(1, 9), st.integers(1, 9), st.integers(1, 4), st.integers(1, 4), st.integers(0, 99)
)
def test_labels_enlarged_and_read_at_cell_centres_are_themselves(
    h: int, w: int, rows: int, columns: int, seed: int
) -> None:
    labels = np.random.default_rng(seed).integers(0, 5, (h, w), dtype=np.uint8)
    restored = restore_labels(labels, height=h * rows, width=w * columns)
    assert np.array_equal(restored, labels.repeat(rows, axis=0).repeat(columns, axis=1))


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
def test_every_pixel_takes_the_label_of_the_cell_that_its_centre_falls_in(
    h: int, w: int, height: int, width: int
) -> None:
    labels = (np.indices((h, w)).sum(axis=0) % 251).astype(np.uint8)
    restored = restore_labels(labels, height=height, width=width)
    # Exact arithmetic: floor((i + 1/2) · h / height) = floor((2i + 1) h / (2 height)). A centre
    # on a border between two cells belongs to either.
    rows, rest_r = np.divmod((2 * np.arange(height) + 1) * h, 2 * height)
    columns, rest_c = np.divmod((2 * np.arange(width) + 1) * w, 2 * width)
    inner = np.ix_(rest_r > 0, rest_c > 0)
    assert np.array_equal(restored[inner], labels[np.ix_(rows, columns)][inner])


def test_an_images_edges_are_repeated_until_the_network_can_take_it() -> None:
    pre = replace(preprocessing(), height=13, width=21, multiple=8)
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    x, inside = prepare(image, pre), prepare_at(image, pre, height=13, width=21)
    assert x.shape == (1, 3, *pre.input_size) == (1, 3, 16, 24)
    assert np.array_equal(crop(x[0], pre), inside[0])
    for y, column in ((13, 4), (15, 4), (3, 21), (15, 23)):
        assert np.array_equal(x[0, :, y, column], inside[0, :, min(y, 12), min(column, 20)])
