"""Which 8-bit pictures of an image are JPEG-coded: depth and channels as a definition says."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.device.imaging.resize import to_channels
from ccnet_edge.spec.complexity import JpegDefinition


def pictures(image: NDArray[Any], definition: JpegDefinition) -> tuple[NDArray[np.uint8], ...]:
    """The pictures, [H, W] grey or [H, W, 3] colour, whose JPEG files together code `image`.

    "as-is" codes one channel as a grey picture, three as a colour one, and any other number as
    one grey picture a channel. "grey" codes one grey picture: ITU-R 601-2 luma of three
    channels, the mean of any other number.

    Args:
        image: [H, W, C] uint8 or uint16.
    """
    eight = eight_bits(image, definition)  # [H, W, C]
    channels = eight.shape[2]
    if definition.colour == "grey":
        return (_grey(eight),)
    if channels == 3:
        return (eight,)
    return tuple(eight[..., i] for i in range(channels))


def eight_bits(image: NDArray[Any], definition: JpegDefinition) -> NDArray[np.uint8]:
    """`image` as 8 bits, of the same shape.

    "divide-by-257" takes 65 535 to 255 and rounds to the nearest; "stretch" takes the image's
    own smallest and largest sample of all channels to 0 and 255.
    """
    if image.dtype == np.uint8:
        return image
    if definition.sixteen_bit == "divide-by-257":
        return ((image.astype(np.uint32) + 128) // 257).astype(np.uint8)
    low, high = int(image.min()), int(image.max())
    scaled = (image.astype(np.float64) - low) * (255 / max(high - low, 1))
    return np.rint(scaled).astype(np.uint8)


def _grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    channels = image.shape[2]
    if channels in (1, 3):
        grey: NDArray[np.uint8] = to_channels(image, 1)[..., 0]
        return grey
    total = image.sum(axis=2, dtype=np.uint32)
    mean: NDArray[np.uint8] = ((total + channels // 2) // channels).astype(np.uint8)
    return mean
