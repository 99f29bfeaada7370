"""Resizing and channel conversion, to the bit as Pillow does it for 8-bit images."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ccnet_edge.errors import DataError

Filter = Literal["nearest", "box", "bilinear", "bicubic", "lanczos"]

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
# Red, green and blue in grey, of 2¹⁶: Pillow's fixed-point ITU-R 601-2 luma.
_LUMA = (19_595, 38_470, 7_471)


def resize(image: NDArray[Any], *, height: int, width: int, method: Filter) -> NDArray[Any]:
    """`image` [H, W, C] uint8, uint16 or float32 at another size, of the same type.

    By `nearest` neighbour int32 as well. Eight bits give exactly `PIL.Image.resize`. Sixteen are
    computed in float32, rounded and clipped. An image that has the size already comes back
    itself, not a copy.

    Returns:
        [height, width, C].
    """
    if image.shape[:2] == (height, width):
        return image
    size, how = (width, height), FILTERS[method]
    if image.dtype == np.uint8 and image.shape[2] == 3:
        return np.array(Image.fromarray(np.ascontiguousarray(image)).resize(size, how))
    channels = [_resize_channel(image[..., i], size, how) for i in range(image.shape[2])]
    return np.stack(channels, axis=-1)


def resize_labels(labels: NDArray[np.uint8], *, height: int, width: int) -> NDArray[np.uint8]:
    """`labels` [H, W] at another size by nearest neighbour: no class comes up between two."""
    resized = resize(labels[..., None], height=height, width=width, method="nearest")
    return np.asarray(resized[..., 0], np.uint8)


def to_channels(image: NDArray[Any], channels: int) -> NDArray[Any]:
    """`image` [H, W, C] with `channels` channels: grey to colour and back; same type.

    Colour becomes grey by ITU-R 601-2, for 8 bits exactly as Pillow's mode L.

    Raises:
        DataError: any conversion other than between 1 and 3 channels.
    """
    found = image.shape[2]
    if found == channels:
        return image
    if (found, channels) == (1, 3):
        return np.repeat(image, 3, axis=2)
    if (found, channels) == (3, 1):
        return _luma(image)[..., None]
    raise DataError(
        f"an image of {channels} channels was wanted, found {found}",
        hint="only grey and colour are converted into each other",
    )


def _resize_channel(
    channel: NDArray[Any], size: tuple[int, int], how: Image.Resampling
) -> NDArray[Any]:
    if channel.dtype != np.uint16:
        return np.array(Image.fromarray(np.ascontiguousarray(channel)).resize(size, how))
    resized = np.array(Image.fromarray(channel.astype(np.float32)).resize(size, how))
    return np.asarray(np.clip(np.rint(resized), 0, 65_535), np.uint16)


def _luma(image: NDArray[Any]) -> NDArray[Any]:
    red, green, blue = (image[..., i] for i in range(3))
    if image.dtype.kind == "f":
        shares = [weight / 65_536 for weight in _LUMA]
        return (shares[0] * red + shares[1] * green + shares[2] * blue).astype(image.dtype)
    # NOTE: 65 535 × 2¹⁶ + 2¹⁵ is still less than 2³².
    total = np.full(image.shape[:2], 0x8000, np.uint32)
    for weight, channel in zip(_LUMA, (red, green, blue), strict=True):
        total += np.uint32(weight) * channel
    return np.asarray(total >> 16, image.dtype)
