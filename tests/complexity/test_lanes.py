import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from ccnet_edge.complexity.lanes import (
    LANES,
    MAX_SCALE,
    Scratch,
    Words,
    average,
    enlarge,
    narrow,
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
    if pixels.ndim == 3:
        idle = np.full((*pixels.shape[:2], 1), 255, np.uint8)
        pixels = np.concatenate([pixels, idle], axis=2)
    return widen(pixels, Scratch()).copy()


def pixels_of(samples: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    if channels == 1:
        return samples
    return samples.reshape(len(samples), -1, 4)[..., :channels]


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
        np.testing.assert_array_equal(pixels_of(narrow(level, Scratch()), channels), expected)


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


def test_enlarging_in_several_bands_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    words = words_of(picture(0, 40, 24, 3))
    whole = enlarge(words, 2, Scratch()).copy()
    monkeypatch.setattr("ccnet_edge.complexity.lanes.BAND_BYTES", 7 * 24 * 4 * 8)
    np.testing.assert_array_equal(enlarge(words, 2, Scratch()), whole)


@pytest.mark.parametrize("channels", [1, 3])
def test_an_average_of_pairs_rounds_half_up_after_columns_and_after_rows(channels: int) -> None:
    pixels = picture(1, 4, 6, channels)
    first, last = np.array([0, 1, 3]), np.array([0, 2, 3])
    rows = (np.array([0, 1]), np.array([1, 1]))
    found = average(words_of(pixels), rows, (first, last), Scratch())
    wide = (pixels[:, first].astype(int) + pixels[:, last] + 1) // 2
    expected = (wide[rows[0]] + wide[rows[1]] + 1) // 2
    np.testing.assert_array_equal(pixels_of(narrow(found, Scratch()), channels), expected)


def test_narrowing_undoes_widening() -> None:
    grey = picture(2, 5, 7, 1)
    np.testing.assert_array_equal(narrow(words_of(grey), Scratch()), grey)


def test_memory_used_again_does_not_change_the_next_image() -> None:
    scratch = Scratch()
    for height, width, channels in ((64, 96, 3), (32, 32, 1), (48, 64, 3)):
        pixels = picture(height, height, width, channels)
        idle = pixels if channels == 1 else np.concatenate([pixels, pixels[..., :1]], axis=2)
        level = shrink(widen(idle, scratch), 3, scratch)[1]
        expected = by_pillow(
            by_pillow(pixels, height // 4, width // 4, BOX), height, width, BILINEAR
        )
        found = pixels_of(enlarge(level, 2, scratch), channels)
        np.testing.assert_array_equal(found, expected)


def test_every_type_of_word_has_as_many_lanes_as_it_has_16_bits() -> None:
    assert {np.dtype(name).itemsize // 2: name for name in LANES} == {
        lanes: name for name, lanes in LANES.items()
    }
