from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from ccnet_edge.complexity.lanes import (
    MAX_SCALE,
    Scratch,
    Words,
    average,
    enlarge,
    pack,
    shrink,
    widen,
)

BOX, BILINEAR = Image.Resampling.BOX, Image.Resampling.BILINEAR
CHANNELS = st.sampled_from([1, 3])
SEEDS = st.integers(0, 2**32 - 1)


def picture(seed: int, height: int, width: int, channels: int) -> NDArray[np.uint8]:
    """Noise over the whole range, or only its ends, where rounding and carries show first."""
    rng = np.random.default_rng(seed)
    shape = (height, width) if channels == 1 else (height, width, channels)
    values = rng.choice(np.array([0, 1, 127, 128, 254, 255], np.uint8), shape)
    return values if seed % 2 else rng.integers(0, 256, shape, np.uint8)


def words_of(pixels: NDArray[np.uint8]) -> Words:
    return widen(pack(pixels, Scratch()), Scratch())


def pixels_of(samples: NDArray[Any], channels: int) -> NDArray[Any]:
    """[H, W] or [H, W, 3] of samples [H, W · lanes]."""
    return samples if channels == 1 else samples.reshape(len(samples), -1, 4)[..., :channels]


def by_pillow(
    pixels: NDArray[np.uint8], height: int, width: int, how: Image.Resampling
) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(pixels).resize((width, height), how))


@given(
    seed=SEEDS,
    channels=CHANNELS,
    rows=st.integers(1, 3),
    columns=st.integers(1, 3),
    scales=st.integers(1, MAX_SCALE + 1),
)
def test_shrinking_is_pillows_box_filter_to_the_bit(
    seed: int, channels: int, rows: int, columns: int, scales: int
) -> None:
    # Pictures of more than twice their width are another matter: see `rescaled`.
    height, width = min(rows, 2 * columns) << (scales - 1), columns << (scales - 1)
    pixels = picture(seed, height, width, channels)
    levels = shrink(words_of(pixels), scales, Scratch())
    assert len(levels) == scales - 1
    for s, level in enumerate(levels, start=1):
        expected = by_pillow(pixels, height >> s, width >> s, BOX)
        np.testing.assert_array_equal(pixels_of(level.view(np.uint16), channels), expected)


@given(
    seed=SEEDS,
    channels=CHANNELS,
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    scale=st.integers(1, MAX_SCALE),
)
def test_enlarging_is_pillows_bilinear_filter_to_the_bit(
    seed: int, channels: int, height: int, width: int, scale: int
) -> None:
    pixels = picture(seed, height, width, channels)
    expected = by_pillow(pixels, height << scale, width << scale, BILINEAR)
    found = pixels_of(enlarge(words_of(pixels), scale, Scratch()), channels)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("channels", [1, 3])
def test_an_average_of_pairs_rounds_half_up_after_columns_and_after_rows(channels: int) -> None:
    pixels = picture(1, 4, 6, channels)
    first, last = np.array([0, 1, 3]), np.array([0, 2, 3])
    rows = (np.array([0, 1]), np.array([1, 1]))
    found = average(pack(pixels, Scratch()), rows, (first, last), Scratch())
    wide = (pixels[:, first].astype(int) + pixels[:, last] + 1) // 2
    expected = (wide[rows[0]] + wide[rows[1]] + 1) // 2
    np.testing.assert_array_equal(pixels_of(found.view(np.uint8), channels), expected)


@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (5, 7), (5, 7, 3)])
def test_packing_keeps_every_sample(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    packed = pack(pixels, Scratch())
    assert packed.shape == shape[:2]
    channels = 1 if len(shape) == 2 else 3
    np.testing.assert_array_equal(pixels_of(packed.view(np.uint8), channels), pixels)


def test_packing_takes_a_view_of_an_image_too() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 16, 4), np.uint8)[1::2, ::3, 1:]
    packed = pack(pixels, Scratch())
    np.testing.assert_array_equal(pixels_of(packed.view(np.uint8), 3), pixels)


def test_the_mean_of_two_samples_rounds_half_up_whatever_they_are() -> None:
    first, second = (each.astype(np.uint8) for each in np.mgrid[:256, :256])
    pixels = np.stack([first.ravel(), second.ravel()])  # [2, 65536], each a pair in a column
    one, both = np.arange(65_536), (np.array([0]), np.array([1]))
    found = average(pixels, both, (one, one), Scratch())
    np.testing.assert_array_equal(found[0], (pixels.astype(int).sum(axis=0) + 1) // 2)


def test_memory_used_again_does_not_change_the_next_image() -> None:
    scratch = Scratch()
    for height, width, channels in ((64, 96, 3), (32, 32, 1), (48, 64, 3)):
        pixels = picture(height, height, width, channels)
        level = shrink(widen(pack(pixels, Scratch()), scratch), 3, scratch)[1]
        expected = by_pillow(
            by_pillow(pixels, height // 4, width // 4, BOX), height, width, BILINEAR
        )
        found = pixels_of(enlarge(level, 2, scratch), channels)
        np.testing.assert_array_equal(found, expected)
