from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from PIL import Image

from ccnet_edge.complexity import DEFAULT_DEFINITION
from ccnet_edge.complexity.lanes import Scratch
from ccnet_edge.complexity.pyramid import box_taps, coarse_size, rescaled
from ccnet_edge.spec.complexity import JpegDefinition
from tests.complexity.conftest import FILTERS, noise

LENGTHS = st.integers(1, 1100)


@given(length=LENGTHS, wanted=LENGTHS)
@example(length=565, wanted=512)
@example(length=999, wanted=976)
@example(length=960, wanted=976)
@example(length=1024, wanted=512)
@example(length=3, wanted=2)
def test_taps_are_the_samples_that_pillows_box_filter_averages(length: int, wanted: int) -> None:
    taps = box_taps(length, wanted)
    assume(taps is not None)
    assert taps is not None
    line = noise(1, length, seed=length)
    expected = np.asarray(Image.fromarray(line).resize((wanted, 1), Image.Resampling.BOX))
    found = (line[0, taps[0]].astype(int) + line[0, taps[1]] + 1) // 2
    np.testing.assert_array_equal(found, expected[0])


@given(length=LENGTHS, wanted=LENGTHS)
def test_two_taps_are_enough_up_to_a_factor_of_two(length: int, wanted: int) -> None:
    if length <= 2 * wanted:
        assert box_taps(length, wanted) is not None
    elif length >= 3 * wanted:
        assert box_taps(length, wanted) is None


@pytest.mark.parametrize(
    "shape", [(61, 83), (61, 83, 3), (64, 64, 3), (70, 80, 3), (79, 81), (200, 150, 3), (20, 90)]
)
@pytest.mark.parametrize("size", [(64, 64), (48, 80), (160, 64), (50, 70)])
@pytest.mark.parametrize(
    "definition",
    [
        DEFAULT_DEFINITION,
        replace(DEFAULT_DEFINITION, resize="bilinear"),
        replace(DEFAULT_DEFINITION, down="nearest", up="nearest"),
        replace(DEFAULT_DEFINITION, resize="lanczos", down="bicubic", up="lanczos"),
    ],
    ids=["in lanes", "resized by Pillow", "nearest", "smooth"],
)
def test_every_scale_has_pillows_pixels(
    shape: tuple[int, ...], size: tuple[int, int], definition: JpegDefinition
) -> None:
    picture = noise(*shape)
    image = Image.fromarray(picture).resize(size[::-1], FILTERS[definition.resize])
    scaled = rescaled(picture, definition, size=size, scales=5, scratch=Scratch())
    for s, found in enumerate(scaled):
        expected = image
        if s > 0:
            coarse = coarse_size(size, s)[::-1]
            expected = image.resize(coarse, FILTERS[definition.down])
            expected = expected.resize(size[::-1], FILTERS[definition.up])
        np.testing.assert_array_equal(
            np.asarray(found.convert(image.mode)), np.asarray(expected), err_msg=f"scale {s}"
        )
    assert s == 4


def test_a_picture_too_large_for_lanes_has_the_same_pixels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    picture = noise(70, 80, 3)

    def found() -> list[bytes]:
        scaled = rescaled(picture, DEFAULT_DEFINITION, size=(64, 64), scales=5, scratch=Scratch())
        return [image.convert("RGB").tobytes() for image in scaled]

    in_lanes = found()
    monkeypatch.setattr("ccnet_edge.complexity.pyramid.MAX_LANE_PIXELS", 64 * 64 - 1)
    assert found() == in_lanes


def test_a_part_of_a_step_counts_as_one() -> None:
    assert [coarse_size((48, 50), s) for s in range(5)] == [
        (48, 50),
        (24, 25),
        (12, 13),
        (6, 7),
        (3, 4),
    ]
    assert coarse_size((1, 3), 4) == (1, 1)
