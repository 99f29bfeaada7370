import io
from dataclasses import replace
from typing import Any

import numpy as np
import PIL
import pytest
from PIL import Image, features

from ccnet_edge.complexity import DEFAULT_DEFINITION, image_figures
from ccnet_edge.complexity.encoder import encoder_identity
from ccnet_edge.errors import UsageError
from ccnet_edge.spec.complexity import JpegDefinition
from tests.complexity.conftest import noise, plain_sizes


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(64, 96), (50, 70)])
@pytest.mark.parametrize(
    "definition",
    [
        DEFAULT_DEFINITION,
        replace(DEFAULT_DEFINITION, subsampling="4:2:2"),
        replace(DEFAULT_DEFINITION, subsampling="4:4:4", quality=90),
    ],
    ids=["4:2:0", "4:2:2", "4:4:4"],
)
def test_j_is_that_of_a_plain_loop_over_the_scales(
    channels: int, size: tuple[int, int], definition: JpegDefinition
) -> None:
    image = noise(77, 101, channels)
    height, width = size
    found = image_figures(image, definition, height=height, width=width)
    picture = image[..., 0] if channels == 1 else image
    sizes = plain_sizes(picture, definition, height, width, 5)
    assert found == pytest.approx([each / (height * width) for each in sizes], abs=1e-12)


def test_a_16_bit_image_with_8_bits_of_content_has_their_j() -> None:
    image = noise(40, 40, 3)
    wide = image.astype(np.uint16) * 257
    assert image_figures(wide, height=32, width=32) == image_figures(image, height=32, width=32)


def test_the_channels_of_a_stack_add_up() -> None:
    image = noise(40, 40, 5)
    single = [image_figures(image[..., i : i + 1], height=32, width=32) for i in range(5)]
    found = image_figures(image, height=32, width=32)
    assert found == pytest.approx(np.sum(single, axis=0), abs=1e-12)


def test_bits_are_eight_times_bytes_and_samples_divide_by_channels() -> None:
    image = noise(40, 40, 3)
    base = np.array(image_figures(image, height=32, width=32))
    bits = replace(DEFAULT_DEFINITION, unit="bits")
    assert image_figures(image, bits, height=32, width=32) == pytest.approx(8 * base)
    samples = replace(DEFAULT_DEFINITION, per="sample")
    assert image_figures(image, samples, height=32, width=32) == pytest.approx(base / 3)


def test_a_flat_image_costs_the_same_at_every_scale() -> None:
    image = np.full((32, 32, 3), 90, np.uint8)
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=25)
    expected = len(file.getvalue()) / 32**2
    assert image_figures(image, height=32, width=32) == pytest.approx([expected] * 5)


def test_noise_loses_information_with_every_scale() -> None:
    found = image_figures(noise(128, 128, 3), height=128, width=128)
    assert list(found) == sorted(found, reverse=True)


def test_as_many_figures_come_back_as_scales_were_asked_for() -> None:
    assert len(image_figures(noise(8, 8, 1), height=8, width=8, scales=9)) == 9


@pytest.mark.parametrize("wrong", [{"height": 0}, {"width": -1}, {"scales": 0}])
def test_a_size_that_is_not_positive_is_refused(wrong: dict[str, int]) -> None:
    numbers: dict[str, Any] = {"height": 8, "width": 8, "scales": 2} | wrong
    with pytest.raises(UsageError, match=r"of at least 1 was wanted, found"):
        image_figures(noise(8, 8, 1), **numbers)


def test_the_encoder_is_named_with_its_version() -> None:
    version = features.version_feature("libjpeg_turbo") or features.version_codec("jpg")
    assert version is not None
    assert version in encoder_identity()
    assert PIL.__version__ in encoder_identity()
