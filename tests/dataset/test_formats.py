"""Every format that images and masks come in gives the pixels that were written."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from ccnet_edge.device.imaging.read import read_image, read_mask
from tests.dataset.making import (
    HEIGHT,
    WIDTH,
    folders,
    mask,
    named,
    names,
    noise,
    opened,
    save,
    save_palette,
    save_png16,
)

WIDE = noise(7, 3, np.uint16)
BLACK, WHITE = (0, 0, 0), (255, 255, 255)


@pytest.mark.parametrize("suffix", ["png", "tif", "tiff", "bmp", "PNG"])
@pytest.mark.parametrize("channels", [1, 3])
def test_eight_bits_come_back_as_they_were_written(
    tmp_path: Path, suffix: str, channels: int
) -> None:
    pixels = noise(1, channels)
    found = read_image(save(tmp_path / f"image.{suffix}", pixels))
    assert found.dtype == np.uint8
    assert np.array_equal(found, pixels.reshape(HEIGHT, WIDTH, channels))


def test_a_gif_of_few_colours_comes_back_as_it_was_written(tmp_path: Path) -> None:
    pixels = noise(1, 3) // 128 * 255
    assert np.array_equal(read_image(save(tmp_path / "image.gif", pixels)), pixels)


def test_a_jpeg_comes_back_nearly_as_it_was_written(tmp_path: Path) -> None:
    slope = np.linspace(0, 255, WIDTH).astype(np.uint8)[None, :, None]
    pixels = np.broadcast_to(slope, (HEIGHT, WIDTH, 3))
    found = read_image(save(tmp_path / "image.jpg", pixels))
    assert np.abs(found.astype(int) - pixels).max() < 12


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_of_grey_come_back_as_they_were_written(tmp_path: Path, suffix: str) -> None:
    pixels = noise(2, dtype=np.uint16)
    found = read_image(save(tmp_path / f"image.{suffix}", pixels))
    assert found.dtype == np.uint16
    assert np.array_equal(found[..., 0], pixels)


def test_a_png_of_sixteen_bits_of_colour_keeps_the_low_bits(tmp_path: Path) -> None:
    assert np.array_equal(read_image(save_png16(tmp_path / "image.png", WIDE)), WIDE)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("plane", ["contig", "separate"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_tiff_of_sixteen_bits_of_colour_keeps_the_low_bits(
    tmp_path: Path, order: Any, plane: Any, compression: str | None
) -> None:
    path, planes = tmp_path / "image.tif", np.moveaxis(WIDE, -1, 0)
    tifffile.imwrite(
        path, WIDE if plane == "contig" else planes, photometric="rgb", planarconfig=plane,
        byteorder=order, compression=compression,
    )  # fmt: skip
    assert np.array_equal(read_image(path), WIDE)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [2, 4, 5, 9])
@pytest.mark.parametrize("plane", ["contig", "separate"])
def test_a_tiff_of_any_number_of_channels_keeps_them_all(
    tmp_path: Path, dtype: Any, channels: int, plane: Any
) -> None:
    pixels, path = noise(3, channels, dtype), tmp_path / "image.tif"
    stored = pixels if plane == "contig" else np.moveaxis(pixels, -1, 0)
    tifffile.imwrite(path, stored, photometric="minisblack", planarconfig=plane)
    found = read_image(path)
    assert found.dtype == dtype
    assert np.array_equal(found, pixels)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_alpha_is_dropped(tmp_path: Path, suffix: str) -> None:
    pixels = noise(4, 4)
    assert np.array_equal(read_image(save(tmp_path / f"a.{suffix}", pixels)), pixels[..., :3])


def test_an_image_and_its_mask_are_turned_as_their_exif_says(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by a quarter, clockwise
    for name, pixels in {"image": noise(5, 3), "mask": mask()}.items():
        Image.fromarray(pixels).save(tmp_path / f"{name}.png", exif=exif)
    assert np.array_equal(read_image(tmp_path / "image.png"), np.rot90(noise(5, 3), -1))
    assert np.array_equal(read_mask(tmp_path / "mask.png"), np.rot90(mask(), -1))


def test_any_mix_of_formats_is_one_data_set(tmp_path: Path) -> None:
    grey, wide, few = noise(1), noise(2, dtype=np.uint16), noise(3) // 128 * 255
    for name, pixels in {"a.png": grey, "b.tif": wide, "c.bmp": grey, "d.gif": few}.items():
        save(tmp_path / "images" / name, pixels)
    save_png16(tmp_path / "images" / "e.png", WIDE)
    save(tmp_path / "images" / "f.jpg", np.full((HEIGHT, WIDTH, 3), 100, np.uint8))
    for name in ("a.png", "b.gif", "c.bmp", "d.tif", "e.png", "f.png"):
        save(tmp_path / "masks" / name, mask())
    dataset = opened(tmp_path)
    assert (dataset.channels, dataset.maximum) == (3, 65_535)
    found = {sample.name: dataset.load_image(sample) for sample in dataset.samples}
    assert {(image.shape, image.dtype) for image in found.values()} == {
        ((HEIGHT, WIDTH, 3), np.dtype(np.uint16))
    }
    for channel in range(3):
        assert np.array_equal(found["a"][..., channel], grey * np.uint16(257))
        assert np.array_equal(found["b"][..., channel], wide)
        assert np.array_equal(found["d"][..., channel], few * np.uint16(257))
    assert np.array_equal(found["e"], WIDE)
    for sample in dataset.samples:
        assert np.array_equal(dataset.load_labels(sample), mask(value=1))


def test_one_image_of_sixteen_bits_scales_the_others_by_257(tmp_path: Path) -> None:
    folders(tmp_path)
    save(tmp_path / "images" / "e.png", noise(9, dtype=np.uint16))
    dataset = opened(tmp_path)
    assert (dataset.channels, dataset.maximum) == (1, 65_535)
    image = dataset.load_image(named(dataset, "c"))
    assert np.array_equal(image[..., 0], noise(2) * np.uint16(257))
    assert np.array_equal(
        dataset.load_image(named(dataset, "e"))[..., 0], noise(9, dtype=np.uint16)
    )


def test_images_of_eight_bits_stay_so_where_none_has_more(tmp_path: Path) -> None:
    dataset = opened(folders(tmp_path))
    assert (dataset.channels, dataset.maximum) == (1, 255)
    image = dataset.load_image(named(dataset, "c"))
    assert image.dtype == np.uint8
    assert np.array_equal(image[..., 0], noise(2))


def test_a_set_of_spectral_images_has_all_their_channels(tmp_path: Path) -> None:
    folders(tmp_path, "abc")
    for i, name in enumerate("abc"):
        (tmp_path / "images" / f"{name}.png").unlink()
        path = tmp_path / "images" / f"{name}.tif"
        tifffile.imwrite(path, noise(i, 5), photometric="minisblack", planarconfig="contig")
    dataset = opened(tmp_path)
    assert dataset.channels == 5
    assert np.array_equal(dataset.load_image(named(dataset, "b")), noise(1, 5))


@pytest.mark.parametrize(
    ("name", "pixels"),
    [
        ("one bit.png", mask() > 0),
        ("one bit.tif", mask() > 0),
        ("one bit.bmp", mask() > 0),
        ("zero and one.png", mask(value=1)),
        ("zero and 255.gif", mask()),
        ("zero and 255.tif", mask()),
        ("seven.png", mask(value=7)),
        ("sixteen bits.png", mask(value=65_535, dtype=np.uint16)),
        ("sixteen bits, one.tif", mask(value=1, dtype=np.uint16)),
        ("more bits.tif", mask(value=100_000, dtype=np.int32)),
        ("grey as colour.png", np.stack([mask()] * 3, axis=-1)),
        ("red.png", np.stack([mask(), mask(0), mask(0)], axis=-1)),
        ("lossy.jpg", mask(8)),
    ],
)
def test_a_mask_of_two_values_is_background_and_foreground(
    tmp_path: Path, name: str, pixels: NDArray[Any]
) -> None:
    for letter in "abc":
        save(tmp_path / "images" / f"{letter}.png", noise())
        save(tmp_path / "masks" / f"{letter}{Path(name).suffix}", pixels)
    dataset = opened(tmp_path)
    assert dataset.classes == ("background", "foreground")
    inside = pixels if pixels.ndim == 2 else pixels[..., 0]
    assert np.array_equal(dataset.load_labels(dataset.train[0]), inside > 0)


def test_masks_of_every_kind_of_two_values_are_one_set(tmp_path: Path) -> None:
    folders(tmp_path, "abcdef")
    kinds: dict[str, NDArray[Any]] = {
        "a": mask() > 0,
        "b": mask(value=1),
        "c": mask(value=255),
        "d": mask(value=65_535, dtype=np.uint16),
    }
    for name, pixels in kinds.items():
        save(tmp_path / "masks" / f"{name}.png", pixels)
    save_palette(tmp_path / "masks" / "e.png", mask(value=1), [BLACK, WHITE])
    save_palette(tmp_path / "masks" / "f.png", 1 - mask(value=1), [WHITE, BLACK])
    dataset = opened(tmp_path)
    for sample in dataset.samples:
        assert np.array_equal(dataset.load_labels(sample), mask(value=1)), sample.name


def test_instance_labels_are_one_foreground(tmp_path: Path) -> None:
    folders(tmp_path, map(str, range(5)))
    for i in range(5):
        labels = np.zeros((HEIGHT, WIDTH), np.uint16)
        for number in range(i + 1):
            labels[3 * number : 3 * number + 2] = number + 1
        save(tmp_path / "masks" / f"{i}.png", labels)
    dataset = opened(tmp_path)
    assert dataset.classes == ("background", "foreground")
    assert np.count_nonzero(dataset.load_labels(named(dataset, "2"))) == 3 * 2 * WIDTH
    assert sorted(names(dataset.samples)) == ["0", "1", "2", "3", "4"]
