"""Cells: nuclei in tissue stained with haematoxylin and eosin, by Beer and Lambert's law."""

from __future__ import annotations

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from ccnet_edge.dataset.samples.texture import (
    Field,
    blob,
    coverage,
    fractal_noise,
    smooth_noise,
    to_bytes,
)

# Optical density per channel (red, green, blue) of the two stains: A. C. Ruifrok and
# D. A. Johnston, "Quantification of histochemical staining by color deconvolution", 2001.
HAEMATOXYLIN = np.array([0.65, 0.70, 0.29], np.float32)
EOSIN = np.array([0.07, 0.99, 0.11], np.float32)
# One nucleus in so many pixels, and its half axes in pixels.
AREA_PER_NUCLEUS = 700
SMALLEST, LARGEST = 4.5, 9.0


def cells(random: RandomState, size: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """An image [size, size, 3] and its mask [size, size] of nuclei."""
    nuclei, mask = _nuclei(random, size)
    fibres = fractal_noise(random, size, grain=size / 5)
    stroma = 0.42 + 0.16 * fibres + 0.05 * smooth_noise(random, size, grain=3)
    eosin = np.clip(stroma, 0.05, None) * (1 - 0.45 * np.clip(nuclei, 0, 1))
    haze = np.clip(0.06 + 0.03 * smooth_noise(random, size, grain=12), 0, None)
    strength = random.uniform(0.85, 1.15, 2).astype(np.float32)
    density = (nuclei + haze)[..., None] * HAEMATOXYLIN * strength[0] + eosin[
        ..., None
    ] * EOSIN * strength[1]
    noise = random.standard_normal((size, size, 3)).astype(np.float32) * 0.012
    return to_bytes(0.97 * np.exp(-density) + noise), mask


def _nuclei(random: RandomState, size: int) -> tuple[Field, NDArray[np.bool_]]:
    """Haematoxylin's amount and the mask, [size, size]."""
    amount = np.zeros((size, size), np.float32)
    mask = np.zeros((size, size), np.bool_)
    chromatin = smooth_noise(random, size, grain=2.5)
    crowd = fractal_noise(random, size, grain=size / 3, octaves=2)
    wanted = max(3, round(size * size / AREA_PER_NUCLEUS * random.uniform(0.7, 1.3)))
    for _ in range(wanted):
        centre = _where_crowded(random, crowd)
        radius, slimness = random.uniform(SMALLEST, LARGEST), random.uniform(0.6, 1.0)
        inside = blob(
            random, size, centre=centre, radii=(radius, radius * slimness),
            turn=random.uniform(0, np.pi), roughness=0.12,
        )  # fmt: skip
        cover = coverage(inside)
        rim = 0.25 * np.exp(-((np.clip(inside, 0, None) / 1.3) ** 2))
        own = random.uniform(0.75, 1.15) * (1 + rim + 0.16 * chromatin)
        amount = np.maximum(amount, cover * own)
        mask |= cover > 0.5
    return amount, mask


def _where_crowded(random: RandomState, crowd: Field) -> tuple[float, float]:
    """The most crowded of three random places: nuclei come in clusters."""
    places = [tuple(random.uniform(0, crowd.shape[0], 2)) for _ in range(3)]
    row, column = max(places, key=lambda place: crowd[int(place[0]), int(place[1])])
    return float(row), float(column)
