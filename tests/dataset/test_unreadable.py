"""Files that are no image, damaged, or not one page of integers are reported with their path."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from ccnet_edge.errors import DataError
from tests.dataset.making import folders, mask, noise, opened, save, save_png16

NOT_READABLE = "not a readable PNG, JPEG, TIFF, GIF or BMP file"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three images with masks that nothing is wrong with."""
    return folders(tmp_path / "data", "abc")


def problems_of(root: Path) -> tuple[str, ...]:
    with pytest.raises(DataError) as caught:
        opened(root)
    return caught.value.problems


@pytest.mark.parametrize("name", ["x.webp", "x.dcm", "x.npy", "x"])
def test_a_format_that_is_not_read_is_reported(root: Path, name: str) -> None:
    path = root / "images" / name
    path.write_bytes(b"anything")
    assert problems_of(root) == (f"{path}: PNG, JPEG, TIFF, GIF or BMP was wanted, found {name!r}",)


@pytest.mark.parametrize("content", [b"", b"no image", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"II*\0\0\0"])
@pytest.mark.parametrize("folder", ["images", "masks"])
def test_a_file_that_is_no_image_is_reported(root: Path, folder: str, content: bytes) -> None:
    path = root / folder / "b.png"
    path.write_bytes(content)
    (found,) = problems_of(root)
    assert found.startswith((f"{path}: {NOT_READABLE}", f"{path}: damaged or truncated: "))


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "gif", "bmp"])
@pytest.mark.parametrize("folder", ["images", "masks"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_file_is_reported(root: Path, folder: str, suffix: str, share: float) -> None:
    (root / folder / "b.png").unlink()
    path = save(root / folder / f"b.{suffix}", noise(3, 3))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    (found,) = problems_of(root)
    assert found.startswith((f"{path}: {NOT_READABLE}", f"{path}: damaged or truncated: "))


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("share", [0.002, 0.5, 0.99])
def test_a_truncated_tiff_of_many_channels_is_reported(
    root: Path, compression: str | None, share: float
) -> None:
    (root / "images" / "b.png").unlink()
    path = root / "images" / "b.tif"
    tifffile.imwrite(
        path, noise(3, 5, np.uint16), photometric="minisblack", planarconfig="contig",
        compression=compression,
    )  # fmt: skip
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    (found,) = problems_of(root)
    assert found.startswith((f"{path}: {NOT_READABLE}", f"{path}: damaged or truncated: "))


def several_pages(path: Path) -> str:
    tifffile.imwrite(path, np.stack([noise(), noise()]), photometric="minisblack")
    return "an image of one page was wanted, found 2 pages"


def several_pages_of_many_channels(path: Path) -> str:
    with tifffile.TiffWriter(path) as file:
        for i in range(3):
            file.write(noise(i, 5), photometric="minisblack", planarconfig="contig")
    return "an image of one page was wanted, found 3 pages"


def an_animation(path: Path) -> str:
    frames = [Image.fromarray(mask(rows)) for rows in (1, 2, 3)]
    frames[0].save(path, "GIF", save_all=True, append_images=frames[1:])
    return "an image of one page was wanted, found 3 pages"


def floating_point(path: Path) -> str:
    tifffile.imwrite(path, noise().astype(np.float32), photometric="minisblack")
    return "samples of 8 or 16 bits were wanted, found floating point"


def floating_point_of_many_channels(path: Path) -> str:
    pixels = noise(0, 5).astype(np.float32)
    tifffile.imwrite(path, pixels, photometric="minisblack", planarconfig="contig")
    return "height, width and channels of 8 or 16 bits were wanted, found 16 × 20 × 5 of float32"


def more_than_16_bits(path: Path) -> str:
    pixels = mask(value=70_000, dtype=np.int32)
    tifffile.imwrite(path, pixels, photometric="minisblack")
    return "samples of 8 or 16 bits were wanted, found values from 0 to 70000"


@pytest.mark.parametrize(
    "write",
    [
        several_pages,
        several_pages_of_many_channels,
        an_animation,
        floating_point,
        floating_point_of_many_channels,
        more_than_16_bits,
    ],
)
def test_an_image_that_is_not_one_page_of_integers_is_reported(
    root: Path, write: Callable[[Path], str]
) -> None:
    (root / "images" / "b.png").unlink()
    path = root / "images" / "b.tif"
    expected = write(path)
    assert problems_of(root) == (f"{path}: {expected}",)


def test_a_mask_of_16_bit_colour_is_reported(root: Path) -> None:
    path = save_png16(root / "masks" / "b.png", noise(0, 3, np.uint16))
    expected = f"{path}: a mask of one channel was wanted, found 16 bit colour"
    assert problems_of(root) == (expected,)
