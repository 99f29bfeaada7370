"""One image as the candidates look at it: grey, or lightness and chrominance."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from skimage.color import rgb2lab

from ccnet_edge.device.imaging.resize import to_channels

Plane = NDArray[np.float64]


def grey(image: NDArray[np.uint8]) -> Plane:
    """[H, W, C] uint8 → [H, W] from 0 to 1; other than 1 or 3 channels are averaged."""
    channels = image.shape[2]
    if channels in (1, 3):
        return to_channels(image, 1)[..., 0].astype(np.float64) / 255
    mean: Plane = image.mean(axis=2) / 255
    return mean


def lab(image: NDArray[np.uint8]) -> tuple[Plane, Plane, Plane]:
    """[H, W, C] uint8 → L*, a* and b* of CIELab, [H, W] each; a* and b* are 0 without colour."""
    if image.shape[2] != 3:
        lightness, flat = 100 * grey(image), np.zeros(image.shape[:2])
        return lightness, flat, flat.copy()
    planes = cast("NDArray[Any]", rgb2lab(image))
    return planes[..., 0], planes[..., 1], planes[..., 2]


def halved(plane: Plane) -> Plane:
    """The mean of every 2 × 2 pixels, an odd last row or column left out; [H/2, W/2]."""
    height, width = (n // 2 * 2 for n in plane.shape)
    cut = plane[:height, :width]
    quarter: Plane = cut.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
    return quarter


def pyramid(plane: Plane, levels: int) -> list[Plane]:
    """The plane and its halves, at most `levels`, none with a side below 8 pixels but the first."""
    found = [plane]
    while len(found) < levels and min(found[-1].shape) >= 16:
        found.append(halved(found[-1]))
    return found
