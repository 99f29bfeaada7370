from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ccnet_edge.complexity import DEFAULT_DEFINITION
from ccnet_edge.device.imaging.coding import eight_bits, pictures
from tests.complexity.conftest import noise

GREY = replace(DEFAULT_DEFINITION, colour="grey")
STRETCH = replace(DEFAULT_DEFINITION, sixteen_bit="stretch")


def test_every_16_bit_sample_becomes_the_nearest_of_the_256_levels() -> None:
    samples = np.arange(65_536, dtype=np.uint16).reshape(256, 256, 1)
    found = eight_bits(samples, DEFAULT_DEFINITION)
    assert found.dtype == np.uint8
    distance = np.abs(found.astype(int) * 257 - samples.astype(int))
    assert distance.max() == 128


def test_stretching_takes_the_smallest_sample_to_0_and_the_largest_to_255() -> None:
    samples = np.array([[[300], [1323], [2346]]], np.uint16)
    assert eight_bits(samples, STRETCH).ravel().tolist() == [0, 128, 255]


def test_stretching_a_flat_image_gives_black() -> None:
    assert not eight_bits(np.full((4, 4, 1), 777, np.uint16), STRETCH).any()


def test_8_bits_are_never_stretched() -> None:
    image = noise(4, 5, 3) // 2
    assert eight_bits(image, STRETCH) is image


@pytest.mark.parametrize(("channels", "shapes"), [(1, [(6, 7)]), (3, [(6, 7, 3)])])
def test_grey_and_colour_are_one_picture(channels: int, shapes: list[tuple[int, ...]]) -> None:
    image = noise(6, 7, channels)
    found = pictures(image, DEFAULT_DEFINITION)
    assert [picture.shape for picture in found] == shapes
    np.testing.assert_array_equal(found[0].reshape(image.shape), image)


@pytest.mark.parametrize("channels", [2, 4, 7])
def test_any_other_number_of_channels_is_one_grey_picture_each(channels: int) -> None:
    image = noise(6, 7, channels)
    found = pictures(image, DEFAULT_DEFINITION)
    np.testing.assert_array_equal(np.stack(found, axis=2), image)


def test_grey_of_colour_is_pillows_luma() -> None:
    image = noise(16, 16, 3)
    (found,) = pictures(image, GREY)
    np.testing.assert_array_equal(found, np.asarray(Image.fromarray(image).convert("L")))


def test_grey_of_other_channels_is_their_mean_rounded_half_up() -> None:
    image = np.array([[[0, 1], [254, 255], [3, 5]]], np.uint8)
    (found,) = pictures(image, GREY)
    assert found.tolist() == [[1, 255, 4]]
