"""Lesion: a dark mass in speckle, as ultrasound shows it."""

from __future__ import annotations

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from ccnet_edge.dataset.samples.texture import (
    Field,
    blob,
    blur,
    coverage,
    fractal_noise,
    to_bytes,
)

# Deviations of the beam's point spread in pixels, across and along it: it is wider across.
_LATERAL, _AXIAL = 1.5, 0.8
# The range of echoes, strongest to weakest, that the display shows: 60 dB is usual.
_DYNAMIC_DB = 55.0


def lesion(random: RandomState, size: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """An image [size, size, 1] and its mask [size, size] of one lesion."""
    radius = size * random.uniform(0.13, 0.24)
    centre = (size * random.uniform(0.35, 0.62), size * random.uniform(0.3, 0.7))
    inside = blob(
        random, size, centre=centre, radii=(radius, radius * random.uniform(0.6, 0.85)),
        turn=random.uniform(-0.4, 0.4), roughness=0.14,
    )  # fmt: skip
    echo_db = _tissue(random, size)
    soft = blur(coverage(inside), rows=0.8, columns=0.8)
    darker = random.uniform(16, 24) - 3 * fractal_noise(random, size, grain=size / 8)
    echo_db -= soft * darker
    echo_db += _behind(random, inside)
    shown = 1 + (echo_db + _speckle_db(random, size)) / _DYNAMIC_DB
    return to_bytes(shown[..., None]), inside > 0


def _tissue(random: RandomState, size: int) -> Field:
    """Echo of layers of skin, fat and gland in dB, [size, size]."""
    depth = np.arange(size, dtype=np.float32)[:, None] / size
    waves = 0.04 * fractal_noise(random, size, grain=size / 2, octaves=3)
    level = depth + waves
    echo = -18 + 4 * fractal_noise(random, size, grain=size / 4)
    skin = 14 * np.exp(-((level / 0.06) ** 2))
    fascia = 9 * np.exp(-(((level - random.uniform(0.18, 0.26)) / 0.018) ** 2))
    deep = 10 * np.exp(-(((level - random.uniform(0.82, 0.9)) / 0.03) ** 2))
    return np.asarray(echo + skin + fascia + deep - 7 * depth, np.float32)


def _behind(random: RandomState, inside: Field) -> Field:
    """Enhancement or shadow below the lesion in dB, [size, size]."""
    above = np.cumsum(inside > 0, axis=0).astype(np.float32)
    below = above * (inside <= 0) / max(float(above.max()), 1.0)
    sign = random.choice([-4.0, 5.0])
    return np.asarray(sign * blur(below, rows=2, columns=2), np.float32)


def _speckle_db(random: RandomState, size: int) -> Field:
    """Fully developed speckle in dB around 0, [size, size]: a complex Gaussian field's size."""
    real, imaginary = (
        blur(random.standard_normal((size, size)).astype(np.float32), rows=_AXIAL, columns=_LATERAL)
        for _ in range(2)
    )
    amplitude = np.hypot(real, imaginary)
    amplitude /= np.sqrt(np.mean(amplitude**2))
    return np.asarray(20 * np.log10(amplitude + 0.06), np.float32)
