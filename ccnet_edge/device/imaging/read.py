"""Images and masks from files: PNG, JPEG, TIFF, GIF and BMP of 8 and 16 bits, hostile ones too."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
)

from ccnet_edge.errors import DataError

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

# Pixels (height × width) of the largest image that is read: Pillow's own limit, 2³⁰ / 4 / 3.
MAX_PIXELS = 89_478_485
# The only decoders that are tried: the others (EPS starts an interpreter) are attack surface.
# Importing them here keeps Pillow from importing all of its plugins, in whichever thread is first.
_PLUGINS = (BmpImagePlugin, GifImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin)
FORMATS = ("PNG", "JPEG", "TIFF", "GIF", "BMP")
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".gif", ".bmp")
# Set on the value of a pixel with a colour, so that blue (0, 0, 255) is not grey 255.
COLOUR_BIT = 0x1000000

_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# What decoders raise on damaged files; OSError is Pillow's "truncated".
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    OverflowError,
    IndexError,
    KeyError,
    TypeError,
    AttributeError,
    RuntimeError,
    Warning,
    struct.error,
    zlib.error,
)
# Reading 16-bit samples in the other byte order gives their low bytes as Pillow's 8 bits.
_OTHER_ORDER = {
    "RGB;16B": "RGB;16L",
    "RGB;16L": "RGB;16B",
    "RGB;16N": "RGB;16B" if np.little_endian else "RGB;16L",
    "RGBA;16B": "RGBA;16L",
    "RGBA;16L": "RGBA;16B",
    "RGBA;16N": "RGBA;16B" if np.little_endian else "RGBA;16L",
    "RGBX;16B": "RGBX;16L",
    "RGBX;16L": "RGBX;16B",
    "RGBX;16N": "RGBX;16B" if np.little_endian else "RGBX;16L",
}


def read_image(path: Path) -> NDArray[Any]:
    """The image at `path`, [H, W, C], uint8 or uint16 as stored; turned as its EXIF says.

    Grey and 1 bit give C = 1, colour and palettes 3; alpha is dropped. TIFFs with another
    number of channels are read with tifffile, all channels.

    Raises:
        DataError: missing, unreadable, truncated, larger than `MAX_PIXELS`, several pages,
            or samples that are not 8 or 16 bit integers.
        MissingExtraError: tifffile is needed and not installed.
    """
    with _damage_named(path):
        if _needs_tifffile(path):
            from ccnet_edge.device.imaging.read_tiff import read_tiff

            return read_tiff(path, max_pixels=MAX_PIXELS)
        with _opened(path) as image:
            pixels = _samples(path, image)
        return pixels.reshape(*pixels.shape[:2], -1)


def read_mask(path: Path) -> NDArray[Any]:
    """The mask at `path`, [H, W], uint8, uint16 or int32 values as they are stored.

    1 bit gives 0 and 1. A palette's indices are kept, except where it has black and white only,
    or only these two are used and white comes before black: then white is 1. A pixel with a
    colour is `COLOUR_BIT` | 0xRRGGBB, a grey one its grey.

    Raises:
        DataError: as `read_image`, or several channels that are not colours.
    """
    with _damage_named(path), _opened(path) as image:
        if image.mode == "1":
            return np.array(ImageOps.exif_transpose(image)).astype(np.uint8)
        if image.mode == "P":
            return _palette_indices(image)
        if image.mode == "I":
            return np.array(ImageOps.exif_transpose(image))
        pixels = _samples(path, image)
    if pixels.ndim == 2:
        return pixels
    if pixels.dtype != np.uint8:
        raise DataError(f"{path}: a mask of one channel was wanted, found 16 bit colour")
    return _colour_values(pixels)


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    try:
        yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(path, str(error)) from error
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except UnidentifiedImageError as error:
        raise DataError(
            f"{path}: not a readable PNG, JPEG, TIFF, GIF or BMP file",
            hint="it may be empty, damaged, or of another format under this name",
        ) from error
    except _DAMAGE as error:
        raise DataError(f"{path}: damaged or truncated: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _too_large(path: Path, found: str) -> DataError:
    return DataError(
        f"{path}: an image of at most {MAX_PIXELS} pixels was wanted, found {found}",
        hint="cut large images into tiles",
    )


@contextmanager
def _opened(path: Path) -> Iterator[ImageFile]:
    with Image.open(path, formats=FORMATS) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise _too_large(path, f"{height} × {width}")
        pages = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
        if pages != 1:
            raise DataError(
                f"{path}: an image of one page was wanted, found {pages} pages",
                hint="save each page as a file of its own",
            )
        yield image


def _needs_tifffile(path: Path) -> bool:
    """A TIFF whose channels Pillow does not know, or would silently drop."""
    with path.open("rb") as file:
        if file.read(4) not in _TIFF_MAGIC:
            return False
    try:
        with Image.open(path, formats=("TIFF",)) as image:
            tags = image.tag_v2  # type: ignore[attr-defined]
    except UnidentifiedImageError:
        return True
    samples, bits, planar = tags.get(277, 1), tags.get(258, (1,)), tags.get(284, 1)
    alpha = tags.get(338, (0,))[0] in (1, 2)
    known = samples in (1, 3) or (samples in (2, 4) and alpha) or image.mode == "CMYK"
    return not known or (samples > 1 and planar == 2 and max(bits) > 8)


def _samples(path: Path, image: ImageFile) -> NDArray[Any]:
    """[H, W] or [H, W, 3] uint8 or uint16."""
    if image.mode.startswith("I"):
        return _sixteen_bits(path, np.array(ImageOps.exif_transpose(image)))
    if image.mode == "F":
        raise DataError(
            f"{path}: samples of 8 or 16 bits were wanted, found floating point",
            hint="scale it to 16 bit integers",
        )
    wide = bool(image.tile) and all(_raw_mode(tile) in _OTHER_ORDER for tile in image.tile)
    grey = image.mode in ("1", "L", "LA", "La")
    high = _eight_bits(image, "L" if grey else "RGB")
    if not wide:
        return high
    with _opened(path) as again:
        again.tile = [_in_other_order(tile) for tile in again.tile]
        low = _eight_bits(again, "RGB")
    wide_samples: NDArray[np.uint16] = (high.astype(np.uint16) << 8) | low
    return wide_samples


def _eight_bits(image: ImageFile, mode: str) -> NDArray[Any]:
    turned: Image.Image = ImageOps.exif_transpose(image)
    if turned.mode in ("P", "PA"):  # Pillow warns where a transparent palette becomes RGB at once
        turned = turned.convert("RGBA")
    return np.array(turned if turned.mode == mode else turned.convert(mode))


def _sixteen_bits(path: Path, pixels: NDArray[Any]) -> NDArray[Any]:
    if pixels.dtype == np.uint16:
        return pixels
    low, high = int(pixels.min()), int(pixels.max())
    if low < 0 or high > 65_535:
        raise DataError(
            f"{path}: samples of 8 or 16 bits were wanted, found values from {low} to {high}"
        )
    return pixels.astype(np.uint16)


def _raw_mode(tile: Any) -> str:
    arguments = tile[3]
    return str(arguments[0] if isinstance(arguments, tuple) else arguments)


def _in_other_order(tile: Any) -> Any:
    codec, extents, offset, arguments = tile
    swapped = _OTHER_ORDER[_raw_mode(tile)]
    rest = (swapped, *arguments[1:]) if isinstance(arguments, tuple) else swapped
    return type(tile)(codec, extents, offset, rest)


def _palette_indices(image: ImageFile) -> NDArray[Any]:
    """Indices; 0 and 1 where they say no more than black and white.

    NOTE: what a mask uses is not enough to tell: classes 0 and 2 of a palette of three are not
    0 and 1 because the third is absent, even where their colours are black and white.
    """
    indices: NDArray[Any] = np.array(ImageOps.exif_transpose(image))
    entries = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    colours = np.zeros((256, 3), np.uint8)
    colours[: len(entries)] = entries
    dark, light = colours.max(axis=1) < 64, colours.min(axis=1) > 191
    used = np.unique(indices)
    only = (dark | light).all() and light.any() and len(np.unique(entries, axis=0)) <= 2
    swapped = len(used) == 2 and light[used[0]] and dark[used[1]]
    return np.asarray(light[indices], np.uint8) if only or swapped else indices


def _colour_values(pixels: NDArray[Any]) -> NDArray[Any]:
    red, green, blue = (pixels[..., i].astype(np.int32) for i in range(3))
    grey = (red == green) & (green == blue)
    if grey.all():
        return np.ascontiguousarray(pixels[..., 0])
    coloured = COLOUR_BIT | red << 16 | green << 8 | blue
    return np.asarray(np.where(grey, red, coloured), np.int32)
