"""Visual clutter: feature congestion and sub-band entropy.

Rosenholtz, Li & Nakano, "Measuring visual clutter", Journal of Vision 7(2):17, 2007.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom  # type: ignore[import-untyped]

from ccnet_edge.complexity.candidates.steerable import sub_bands
from ccnet_edge.complexity.candidates.views import Plane, lab, pyramid

LEVELS = 3
# Standard deviation, in pixels, of what counts as near.
NEAR = 3.0
# Of the centre in contrast, whose surround has 1.6 times as much.
CENTRE, SURROUND = 1.0, 1.6
# The weights that make the three features comparable (their paper's combination).
COLOUR, CONTRAST, ORIENTATION = 0.2088, 0.0660, 0.0269
# Lightness and the two chrominances in sub-band entropy.
CHANNELS = (0.84, 0.08, 0.08)
# Chrominance with less variance than this is none (their paper's threshold).
COLOURLESS = 1e-3


def feature_congestion(image: NDArray[np.uint8]) -> float:
    """How much colour, contrast and orientation vary near a pixel: the mean over the image.

    Each is the volume of the local covariance ellipsoid of its features, at the level of a
    pyramid where that is largest.
    """
    lightness, *chrominance = (plane / 100 for plane in lab(image))
    lights = pyramid(lightness, LEVELS)
    others = [pyramid(plane, LEVELS) for plane in chrominance]
    colour = [_volume([light, *(o[i] for o in others)]) for i, light in enumerate(lights)]
    contrast = [_volume([_contrast(light)]) for light in lights]
    orientation = [_volume(_opponent_orientations(light)) for light in lights]
    total = (
        _largest(colour) / COLOUR
        + _largest(contrast) / CONTRAST
        + _largest(orientation) / ORIENTATION
    )
    return float(total.mean())


def subband_entropy(image: NDArray[np.uint8]) -> float:
    """Bits a coefficient of steerable sub-bands, weighted over lightness and chrominance."""
    total = 0.0
    for plane, weight in zip(lab(image), CHANNELS, strict=True):
        if plane.std() ** 2 < COLOURLESS:
            continue
        bits = [_entropy(band) for band in sub_bands(plane)]
        total += weight * sum(bits) / len(bits)
    return total


def _volume(features: list[Plane]) -> Plane:
    """The determinant of the local covariance of `features`, to the power of 1 / (2 count)."""
    count = len(features)
    means = [gaussian_filter(plane, NEAR) for plane in features]
    matrix = np.empty((*features[0].shape, count, count))
    for i in range(count):
        for j in range(i, count):
            product = gaussian_filter(features[i] * features[j], NEAR) - means[i] * means[j]
            matrix[..., i, j] = matrix[..., j, i] = product
    # What rounding makes negative is nothing.
    found: Plane = np.maximum(np.linalg.det(matrix), 0) ** (1 / (2 * count))
    return found


def _contrast(light: Plane) -> Plane:
    found: Plane = np.abs(gaussian_filter(light, CENTRE) - gaussian_filter(light, SURROUND))
    return found


def _opponent_orientations(light: Plane) -> list[Plane]:
    """Horizontal against vertical, and one diagonal against the other (Bergen & Landy 1991)."""
    down, across = np.gradient(gaussian_filter(light, CENTRE))
    energy = gaussian_filter(down**2 + across**2, NEAR) + 1e-6
    straight = gaussian_filter(across**2 - down**2, CENTRE) / energy
    slanted = gaussian_filter(2 * across * down, CENTRE) / energy
    # Where nothing is to be seen no orientation varies: as much as there is contrast.
    strength = np.sqrt(energy)
    return [straight * strength, slanted * strength]


def _largest(levels: list[Plane]) -> Plane:
    height, width = levels[0].shape
    sized = [
        zoom(level, (height / level.shape[0], width / level.shape[1]), order=1) for level in levels
    ]
    found: Plane = np.max(sized, axis=0)
    return found


def _entropy(band: Plane) -> float:
    """Shannon's entropy of a histogram of √N bins over the band's range, in bits."""
    values = band.ravel()
    if np.ptp(values) < 1e-9:
        return 0.0
    counts, _ = np.histogram(values, bins=max(2, round(math.sqrt(values.size))))
    shares = counts[counts > 0] / values.size
    return float(-(shares * np.log2(shares)).sum())
