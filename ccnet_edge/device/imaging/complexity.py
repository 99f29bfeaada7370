"""J of one image at full resolution, as the build measured it, for a device to compare with."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ccnet_edge.device.imaging.coding import pictures
from ccnet_edge.device.imaging.resize import FILTERS
from ccnet_edge.spec.complexity import JpegDefinition


def image_complexity(
    image: NDArray[Any], definition: JpegDefinition, *, height: int, width: int
) -> float:
    """J = size(JPEG) / size(image) at `height` × `width` pixels (CC21 eq. 1).

    Args:
        image: [H, W, C] uint8 or uint16.
    """
    size = sum(
        _jpeg_bytes(picture, definition, height=height, width=width)
        for picture in pictures(image, definition)
    )
    return size * (8 if definition.unit == "bits" else 1) / frame(image, definition, height, width)


def frame(image: NDArray[Any], definition: JpegDefinition, height: int, width: int) -> int:
    """What J divides by: pixels, or samples, of the image that is coded."""
    channels = 1 if definition.colour == "grey" else image.shape[2]
    return height * width * (1 if definition.per == "pixel" else int(channels))


def _jpeg_bytes(
    picture: NDArray[np.uint8], definition: JpegDefinition, *, height: int, width: int
) -> int:
    scaled = Image.fromarray(np.ascontiguousarray(picture)).resize(
        (width, height), FILTERS[definition.resize]
    )
    file = io.BytesIO()
    scaled.save(file, "JPEG", quality=definition.quality, subsampling=definition.subsampling)
    return file.tell()
