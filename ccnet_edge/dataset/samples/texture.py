"""Building blocks of generated images: smooth noise, blur and outlines from a seeded generator."""

from __future__ import annotations

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from PIL import Image

Field = NDArray[np.float32]


def smooth_noise(random: RandomState, size: int, *, grain: float) -> Field:
    """Noise [size, size] of mean 0 and deviation about 1, whose blobs are `grain` pixels wide."""
    cells = max(4, round(size / grain) + 3)
    coarse = Image.fromarray(random.standard_normal((cells, cells)).astype(np.float32))
    # A random shift, so that the grid of the coarse noise is not the same in every image.
    x, y = random.uniform(0, 1, 2)
    box = (x, y, x + cells - 2, y + cells - 2)
    field = np.array(coarse.resize((size, size), Image.Resampling.BICUBIC, box=box))
    return np.asarray(field / 0.65, np.float32)


def fractal_noise(random: RandomState, size: int, *, grain: float, octaves: int = 4) -> Field:
    """Noise [size, size] in [−1, 1] or little more, each octave half as wide and half as high."""
    total = np.zeros((size, size), np.float32)
    for octave in range(octaves):
        total += smooth_noise(random, size, grain=grain / 2**octave) * 0.5 ** (octave + 1)
    return total


def blur(field: Field, *, rows: float, columns: float) -> Field:
    """A Gaussian blur of [H, W] with deviations in pixels; edges are repeated."""
    return _blur_rows(_blur_rows(field, columns).T, rows).T


def _blur_rows(field: Field, deviation: float) -> Field:
    if deviation <= 0:
        return field
    reach = int(np.ceil(3 * deviation))
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (offsets / deviation) ** 2)
    weights /= weights.sum()
    padded = np.pad(field, ((0, 0), (reach, reach)), mode="edge")
    width = field.shape[1]
    total = np.zeros_like(field)
    for offset, weight in enumerate(weights):
        total += np.float32(weight) * padded[:, offset : offset + width]
    return total


def blob(
    random: RandomState, size: int, *, centre: tuple[float, float], radii: tuple[float, float],
    turn: float, roughness: float,
) -> Field:  # fmt: skip
    """How far inside a wobbly ellipse each pixel is, [size, size]: pixels, negative outside.

    Args:
        centre: (row, column) in pixels.
        radii: half axes in pixels.
        turn: angle of the first axis in radians.
        roughness: how far the outline strays from the ellipse, as a share of the radius.
    """
    rows, columns = np.mgrid[:size, :size].astype(np.float32)
    rows, columns = rows - centre[0], columns - centre[1]
    along = (columns * np.cos(turn) + rows * np.sin(turn)) / radii[0]
    across = (rows * np.cos(turn) - columns * np.sin(turn)) / radii[1]
    angle, distance = np.arctan2(across, along), np.hypot(across, along)
    edge = np.ones_like(distance)
    for lobes in range(2, 7):
        phase, height = random.uniform(0, 2 * np.pi), random.uniform(-1, 1)
        edge += roughness * height / lobes * 2 * np.cos(lobes * angle + phase)
    return np.asarray((edge - distance) * min(radii), np.float32)


def coverage(inside: Field) -> Field:
    """How much of each pixel lies inside, in [0, 1], from `blob`'s distances."""
    return np.asarray(np.clip(inside + 0.5, 0, 1), np.float32)


def to_bytes(image: Field) -> NDArray[np.uint8]:
    """Samples in [0, 1] as 8 bits."""
    return np.asarray(np.rint(np.clip(image, 0, 1) * 255), np.uint8)
