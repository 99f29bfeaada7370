"""Vessels: a branching tree on a retina as a fundus camera sees it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ccnet_edge.dataset.samples.texture import Field, blur, fractal_noise, smooth_noise, to_bytes

# Vessels are drawn this many times larger, so that their edges fall between pixels.
_FINER = 4
# Width of the first vessels and of the last that is drawn, in pixels.
_TRUNK, _THINNEST = 5.5, 2.2
_STEP = 2.0

FUNDUS = np.array([0.82, 0.42, 0.20], np.float32)
BLOOD = np.array([0.52, 0.72, 0.55], np.float32)  # share of the light that is taken away
DISC = np.array([0.98, 0.80, 0.52], np.float32)


@dataclass(frozen=True, kw_only=True)
class _Twig:
    """Where a vessel starts, in pixels, with its heading in radians and width in pixels."""

    x: float
    y: float
    heading: float
    width: float


def vessels(random: RandomState, size: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """An image [size, size, 3] and its mask [size, size] of vessels."""
    disc_x = size * random.choice([random.uniform(0.08, 0.2), random.uniform(0.8, 0.92)])
    disc_y = size * random.uniform(0.35, 0.65)
    cover = _tree(random, size, disc_x, disc_y)
    reflex = blur(np.clip(cover - 0.75, 0, None) * 4, rows=0.6, columns=0.6)
    light = _illumination(random, size)
    glow = _disc(size, disc_x, disc_y)[..., None]
    image = FUNDUS * (1 - glow) + DISC * glow
    image = image * (1 + 0.10 * fractal_noise(random, size, grain=size / 6))[..., None]
    depth = (0.85 + 0.15 * smooth_noise(random, size, grain=size / 4))[..., None]
    image = image * (1 - 0.62 * BLOOD * depth * cover[..., None]) + 0.03 * reflex[..., None]
    noise = random.standard_normal((size, size, 3)).astype(np.float32) * 0.015
    return to_bytes(image * light[..., None] + noise), cover > 0.5


def _illumination(random: RandomState, size: int) -> Field:
    rows, columns = np.mgrid[:size, :size].astype(np.float32) / size - 0.5
    row, column = random.uniform(-0.15, 0.15, 2)
    fall = (rows - row) ** 2 + (columns - column) ** 2
    return np.asarray(random.uniform(0.95, 1.1) * (1 - 0.75 * fall), np.float32)


def _disc(size: int, x: float, y: float) -> Field:
    rows, columns = np.mgrid[:size, :size].astype(np.float32)
    distance = np.hypot(rows - y, (columns - x) * 1.1) / (size * 0.085)
    return np.asarray(0.9 / (1 + np.exp((distance - 1) * 6)), np.float32)


def _tree(random: RandomState, size: int, disc_x: float, disc_y: float) -> Field:
    """How much of each pixel is vessel, [size, size] in [0, 1]."""
    canvas = Image.new("L", (size * _FINER, size * _FINER))
    pen = ImageDraw.Draw(canvas)
    side = 0.0 if disc_x < size / 2 else np.pi
    # NOTE: the number of trunks grows with the image, so that larger ones are not emptier.
    spread = np.linspace(-1.25, 1.25, max(4, round(size / 28)))
    twigs = [
        _Twig(x=disc_x, y=disc_y, heading=side + angle + random.uniform(-0.15, 0.15),
              width=random.uniform(0.75, 1.0) * _TRUNK)
        for angle in spread
    ]  # fmt: skip
    while twigs:
        twigs += list(_grow(random, pen, twigs.pop(0), size))
    fine = np.asarray(canvas.resize((size, size), Image.Resampling.BOX), np.float32)
    return np.asarray(fine / 255, np.float32)


def _grow(random: RandomState, pen: ImageDraw.ImageDraw, twig: _Twig, size: int) -> Iterator[_Twig]:
    """Draw a vessel until it forks or leaves; its two branches come back.

    A fork keeps the sum of the cubes of the widths (C. D. Murray, 1926).
    """
    x, y, heading, bend = twig.x, twig.y, twig.heading, random.uniform(-0.03, 0.03)
    for _ in range(int(random.uniform(8, 20))):
        bend = 0.85 * bend + random.uniform(-0.05, 0.05)
        heading += bend
        next_x, next_y = x + _STEP * np.cos(heading), y + _STEP * np.sin(heading)
        _stroke(pen, (x, y), (next_x, next_y), twig.width)
        x, y = next_x, next_y
        if not (-4 < x < size + 4 and -4 < y < size + 4):
            return
    share = random.uniform(0.35, 0.75)
    turn = random.uniform(0.25, 0.6) * random.choice([-1, 1])
    for part, angle in ((share, turn), (1 - share, -0.6 * turn)):
        width = twig.width * part ** (1 / 3)
        if width >= _THINNEST:
            yield _Twig(x=x, y=y, heading=heading + angle, width=width)


def _stroke(
    pen: ImageDraw.ImageDraw, start: tuple[float, float], end: tuple[float, float], width: float
) -> None:
    """A line with round ends, in pixels of the small image."""
    points = [(x * _FINER, y * _FINER) for x, y in (start, end)]
    pen.line(points, fill=255, width=round(width * _FINER))
    for x, y in points:
        reach = width * _FINER / 2
        pen.ellipse((x - reach, y - reach, x + reach, y + reach), fill=255)
