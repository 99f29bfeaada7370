"""Example pictures: an image, the network's mask over it, and where that is right or wrong."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ccnet_edge.dataset import IGNORE
from ccnet_edge.device.imaging.overlay import displayable, overlay

# What `example_picture` shows, for a caption.
CAPTION = (
    "the image, the network's mask, and both masks compared: green agreed, red found but not in "
    "the truth, blue missed, grey not counted"
)
AGREED, WRONG, MISSED = (0, 158, 115), (213, 94, 0), (86, 180, 233)
# Small images are enlarged to about this many pixels, for people to see.
_VISIBLE = 256
_GAP = 4


def example_picture(
    image: NDArray[Any], *, truth: NDArray[np.uint8], found: NDArray[np.uint8]
) -> bytes:
    """A PNG of three panels side by side; see `CAPTION`.

    Args:
        image: [H, W, C] uint8 or uint16.
        truth: [H, W] class indices, 255 where pixels do not count.
        found: [H, W] class indices, the network's.
    """
    shown = displayable(image)
    panels = [shown, overlay(shown, found), compared(shown, truth=truth, found=found)]
    factor = max(1, round(_VISIBLE / max(shown.shape)))
    large = [panel.repeat(factor, axis=0).repeat(factor, axis=1) for panel in panels]
    gap = np.full((large[0].shape[0], _GAP, 3), 255, np.uint8)
    picture = np.concatenate([large[0], gap, large[1], gap, large[2]], axis=1)
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def compared(
    image: NDArray[np.uint8], *, truth: NDArray[np.uint8], found: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """The image [H, W, 3] in grey, coloured where either mask has foreground."""
    grey = image.mean(axis=2, keepdims=True).repeat(3, axis=2)
    counted = truth != IGNORE
    right = counted & (truth == found) & (truth != 0)
    wrong = counted & (truth != found) & (found != 0)
    missed = counted & (truth != 0) & (found == 0)
    result = 255 - (255 - grey) * 0.6
    result[~counted] = 0.35 * grey[~counted] + 0.65 * 128
    for region, colour in ((right, AGREED), (wrong, WRONG), (missed, MISSED)):
        result[region] = colour
    return np.asarray(np.rint(result), np.uint8)
