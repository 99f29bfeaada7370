"""An image with its segmentation drawn over it, for people to look at."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Okabe and Ito (2008), told apart with any colour vision; blue first, since tissue and fundus
# are red and yellow, and most stains violet. Class k > 0 has colour (k − 1) mod 7.
COLOURS = (
    (86, 180, 233),
    (240, 228, 66),
    (0, 158, 115),
    (213, 94, 0),
    (204, 121, 167),
    (0, 114, 178),
    (230, 159, 0),
)
# How much of the colour covers a region's inside; its outline is all colour.
OPACITY = 0.35
# Brightness is stretched between these percentiles where an image is not 8 bit.
STRETCH = (0.5, 99.5)


def overlay(image: NDArray[Any], labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The image in colour, each class filled lightly and outlined.

    Args:
        image: [H, W, C] uint8 or uint16.
        labels: [H, W] uint8 class indices, 0 the background.

    Returns:
        [H, W, 3] uint8.
    """
    result = displayable(image).astype(np.float32)
    for k in range(1, int(labels.max()) + 1):
        colour = np.array(COLOURS[(k - 1) % len(COLOURS)], np.float32)
        inside = labels == k
        result[inside] = (1 - OPACITY) * result[inside] + OPACITY * colour
        result[outline(inside)] = colour
    return np.rint(result).astype(np.uint8)


def outline(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels of `region` [H, W] with a neighbour (of four) inside the image but outside it."""
    padded = np.pad(region, 1, mode="edge")
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.asarray(region & ~inner)


def displayable(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Any image as [H, W, 3] uint8: three channels are red, green and blue, others are averaged."""
    if image.shape[2] != 3:
        image = np.repeat(image.mean(axis=2, keepdims=True).astype(image.dtype), 3, axis=2)
    if image.dtype == np.uint8:
        return image
    low, high = (float(value) for value in np.percentile(image, STRETCH))
    scaled = (image.astype(np.float32) - low) * np.float32(255 / max(high - low, 1.0))
    return np.asarray(np.clip(scaled, 0, 255), np.uint8)
