"""Keypoints: how many an image has, and how strong they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.feature import SIFT, hessian_matrix_det, peak_local_max

from ccnet_edge.complexity.candidates.views import grey

# Of SURF's detector: standard deviations of its boxes in pixels, and the least determinant.
SIGMAS = (1.5, 3.0, 4.5, 6.0, 9.0, 12.0)
THRESHOLD = 0.002
PER_PIXELS = 1000


def sift_density(image: NDArray[np.uint8]) -> float:
    """SIFT keypoints in 1000 pixels, at Lowe's thresholds."""
    plane = grey(image)
    detector = SIFT()
    try:
        detector.detect(plane)
    except RuntimeError:  # how scikit-image says that there are none
        return 0.0
    return float(PER_PIXELS * len(detector.keypoints) / plane.size)


def hessian_density(image: NDArray[np.uint8]) -> float:
    """Maxima of the determinant of Hessian over place and scale, in 1000 pixels."""
    determinants = hessian_maxima(grey(image))
    return PER_PIXELS * len(determinants) / _pixels(image)


def hessian_strength(image: NDArray[np.uint8]) -> float:
    """The sum of the maxima's determinants, in 1000 pixels."""
    determinants = hessian_maxima(grey(image))
    return PER_PIXELS * float(determinants.sum()) / _pixels(image)


def _pixels(image: NDArray[np.uint8]) -> int:
    return int(image.shape[0]) * int(image.shape[1])


def hessian_maxima(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """The determinant at every place and scale where it is larger than all around it, [N].

    By box filters over an integral image, as SURF's detector has it; the image is mirrored at its
    borders, which would be edges else.
    """
    around = min(2 * round(SIGMAS[-1]), min(plane.shape) - 1)
    wide = np.pad(plane, around, "reflect")
    inside = (slice(around, -around),) * 2
    stack = np.stack(
        [hessian_matrix_det(wide, sigma, approximate=True)[inside] for sigma in SIGMAS], -1
    )
    peaks = peak_local_max(
        stack, threshold_abs=THRESHOLD, footprint=np.ones((3, 3, 3)), exclude_border=False
    )
    found: NDArray[np.float64] = stack[tuple(peaks.T)]
    return found
