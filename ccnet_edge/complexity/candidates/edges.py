"""Edge information over an image pyramid (Yu & Winkler, QoMEX 2013, "spatial information")."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage import filters

from ccnet_edge.complexity.candidates.views import grey, pyramid

LEVELS = 5


def sobel(image: NDArray[np.uint8]) -> float:
    """Squared horizontal plus squared vertical response a pixel, mean over the levels."""
    return _edges(image, filters.sobel_h, filters.sobel_v)


def scharr(image: NDArray[np.uint8]) -> float:
    """The same by Scharr's kernels, which turn with the image more evenly."""
    return _edges(image, filters.scharr_h, filters.scharr_v)


def _edges(
    image: NDArray[np.uint8], across: Callable[[Any], Any], down: Callable[[Any], Any]
) -> float:
    levels = pyramid(grey(image), LEVELS)
    means = [float((across(level) ** 2 + down(level) ** 2).mean()) for level in levels]
    return sum(means) / len(means)
