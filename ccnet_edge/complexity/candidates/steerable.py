"""A steerable pyramid in the Fourier domain (Simoncelli & Freeman, ICIP 1995)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ccnet_edge.complexity.candidates.views import Plane

LEVELS, ORIENTATIONS = 3, 4


def sub_bands(plane: Plane) -> Iterator[Plane]:
    """The high-pass residual, `LEVELS` × `ORIENTATIONS` oriented bands, and the low-pass residual.

    Each [H, W]: bands are not subsampled, so that their histograms have equally many values.
    """
    spectrum = np.fft.fft2(plane)
    rows, columns = (np.fft.fftfreq(n)[:, None] for n in plane.shape)
    down, across = rows, columns.T
    radius = np.hypot(down, across)
    octave = np.log2(np.maximum(radius, 1e-12) / 0.5)  # 0 at the highest frequency along an axis
    angle = np.arctan2(down, across)
    yield _band(spectrum * _high(octave, 0))
    for level in range(LEVELS):
        ring = _low(octave, level) * _high(octave, level + 1)
        for i in range(ORIENTATIONS):
            yield _band(spectrum * ring * _oriented(angle, i))
    yield _band(spectrum * _low(octave, LEVELS))


def _low(octave: Plane, level: int) -> Plane:
    """1 below an octave under half of level's band, falling to 0 by a raised cosine."""
    place = np.clip(octave + level + 1, 0, 1)
    found: Plane = np.cos(math.pi / 2 * place)
    return found


def _high(octave: Plane, level: int) -> Plane:
    place = np.clip(octave + level + 1, 0, 1)
    found: Plane = np.sin(math.pi / 2 * place)
    return found


def _oriented(angle: Plane, index: int) -> Plane:
    """cos³ about the band's direction, scaled so that the squares of all bands sum to 1."""
    order = ORIENTATIONS - 1
    scale = 2.0**order * math.factorial(order)
    scale /= math.sqrt(ORIENTATIONS * math.factorial(2 * order))
    found: Plane = scale * np.cos(angle - math.pi * index / ORIENTATIONS) ** order
    return found


def _band(spectrum: np.ndarray[tuple[int, ...], np.dtype[np.complex128]]) -> Plane:
    """Real part and, of odd orders, imaginary part: whichever holds the band."""
    band = np.fft.ifft2(spectrum)
    found: Plane = band.real + band.imag
    return found
