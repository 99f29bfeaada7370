"""How an image becomes the network's input, and how its labels go back to the image's size."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.device.imaging.resize import resize, resize_labels, to_channels
from ccnet_edge.errors import DataError
from ccnet_edge.spec.artifact import Preprocessing

# The largest sample of each type that an image is read as.
FULL_SCALE = {"uint8": 255.0, "uint16": 65535.0}


def prepare(image: NDArray[Any], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """The network's input for an image: channels, size, scale, normalisation, then its edges.

    Samples are divided by the full scale of what the image is stored as, which is
    `preprocessing.maximum` for images of the depth that the network was trained on, and the
    same brightness for images of the other depth.

    Args:
        image: [H, W, C] uint8 or uint16.

    Returns:
        [1, C, *preprocessing.input_size] float32.

    Raises:
        DataError: another type or shape, or channels that cannot be converted.
    """
    height, width = preprocessing.height, preprocessing.width
    x = prepare_at(image, preprocessing, height=height, width=width)
    below, right = (n - m for n, m in zip(preprocessing.input_size, (height, width), strict=True))
    return np.pad(x, ((0, 0), (0, 0), (0, below), (0, right)), "edge") if below or right else x


def crop(logits: NDArray[np.float32], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Logits [outputs, H, W] without what `prepare` repeated: [outputs, height, width]."""
    return logits[:, : preprocessing.height, : preprocessing.width]


def prepare_at(
    image: NDArray[Any], preprocessing: Preprocessing, *, height: int, width: int
) -> NDArray[np.float32]:
    """The same as `prepare`, at another size than the network's: [1, C, height, width] float32."""
    _check(image)
    converted = to_channels(image, preprocessing.channels)  # [H, W, C]
    scale = np.float32(FULL_SCALE[converted.dtype.name])
    result = np.empty((1, preprocessing.channels, height, width), np.float32)
    # One channel at a time, and scaled after resizing, which is linear: a large photograph then
    # needs one channel as float32, not all, and that once.
    for c in range(preprocessing.channels):
        channel = converted[:, :, c : c + 1].astype(np.float32)
        resized = resize(channel, height=height, width=width, method=preprocessing.resize)
        mean, std = np.float32(preprocessing.mean[c]), np.float32(preprocessing.std[c])
        result[0, c] = (resized[:, :, 0] / scale - mean) / std
    return result


def restore_labels(labels: NDArray[np.uint8], *, height: int, width: int) -> NDArray[np.uint8]:
    """Labels at the image's own size by nearest neighbour: the inverse of `prepare`'s geometry.

    Args:
        labels: [h, w] uint8 at the network's size.

    Returns:
        [height, width] uint8.
    """
    return resize_labels(labels, height=height, width=width)


def _check(image: NDArray[Any]) -> None:
    if image.ndim != 3 or image.dtype.name not in FULL_SCALE:
        raise DataError(
            f"an image [H, W, C] of uint8 or uint16 was wanted, "
            f"found {list(image.shape)} of {image.dtype}",
            hint="read it with ccnet_edge.device.imaging.read.read_image",
        )
