"""TIFFs that Pillow cannot read: any number of channels, planes of 16 bits."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.errors import DataError, MissingExtraError


def read_tiff(path: Path, *, max_pixels: int) -> NDArray[Any]:
    """The TIFF of one page at `path`, [H, W, C], uint8 or uint16.

    Raises:
        DataError: several pages, other samples than 8 or 16 bit integers, or larger than
            `max_pixels` at four channels.
        MissingExtraError: tifffile, or imagecodecs for its compression, is not installed.
    """
    try:
        import tifffile
    except ImportError as error:
        raise MissingExtraError(
            f"{path}: a TIFF of this kind is read with tifffile, which is not installed",
            hint="pip install tifffile",
        ) from error
    with tifffile.TiffFile(path) as file:
        if len(file.pages) != 1:
            raise DataError(
                f"{path}: an image of one page was wanted, found {len(file.pages)} pages",
                hint="save each page as a file of its own",
            )
        page = file.pages.first
        _refuse(path, shape=page.shape, dtype=page.dtype, max_samples=4 * max_pixels)
        try:
            pixels = page.asarray()
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
            raise MissingExtraError(
                f"{path}: {tifffile.COMPRESSION(page.compression).name} compression is read with "
                "imagecodecs, which is not installed",
                hint="pip install imagecodecs, or save it uncompressed or deflated",
            ) from error
    planes_first = page.planarconfig == 2 and page.samplesperpixel > 1
    ordered = np.moveaxis(pixels, 0, -1) if planes_first else pixels
    return np.array(ordered, order="C")


def _refuse(path: Path, *, shape: tuple[int, ...], dtype: Any, max_samples: int) -> None:
    if math.prod(shape) > max_samples:
        raise DataError(
            f"{path}: an image of at most {max_samples} samples was wanted, found "
            f"{' × '.join(map(str, shape))}",
            hint="cut large images into tiles",
        )
    if dtype not in (np.uint8, np.uint16) or len(shape) != 3:
        raise DataError(
            f"{path}: height, width and channels of 8 or 16 bits were wanted, found "
            f"{' × '.join(map(str, shape))} of {dtype}"
        )
