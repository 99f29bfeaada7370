"""Turned and enlarged patches: any angle, bilinear for pixels, nearest for labels."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F  # noqa: N812 - torch's own name for it


def reach(size: int, *, zoom: float) -> int:
    """Height and width in pixels of the window that a warped patch of `size` may read.

    Its diagonal at the strongest reduction, 2^−zoom, and a pixel for interpolation.
    """
    return math.ceil(size * math.sqrt(2) * 2**zoom) + 2


def warp(
    image: NDArray[np.generic],
    labels: NDArray[np.uint8],
    *,
    size: int,
    degrees: float,
    scale: float,
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """The middle of a window, turned by `degrees` and enlarged by `scale`.

    What the window does not hold is continued by reflection.

    Args:
        image: [S, S, C].
        labels: [S, S].
        size: height and width P of the result.

    Returns:
        Image [P, P, C] float32 in the same units, and labels [P, P].
    """
    grid = _grid(len(image), size, degrees, scale)
    pixels = torch.from_numpy(image.astype(np.float32)).permute(2, 0, 1)[None]
    values = torch.from_numpy(labels.astype(np.float32))[None, None]
    turned = _sampled(pixels, grid, "bilinear")[0].permute(1, 2, 0)
    sampled = _sampled(values, grid, "nearest")[0, 0]
    return turned.contiguous().numpy(), sampled.to(torch.uint8).numpy()


def _sampled(x: torch.Tensor, grid: torch.Tensor, mode: str) -> torch.Tensor:
    return F.grid_sample(x, grid, mode=mode, padding_mode="reflection", align_corners=False)


def _grid(window: int, size: int, degrees: float, scale: float) -> torch.Tensor:
    """Where each pixel of the result lies in the window, [1, P, P, 2] in torch's −1 … 1."""
    angle, step = math.radians(degrees), 1 / scale
    cosine, sine = step * math.cos(angle), step * math.sin(angle)
    at = torch.arange(size, dtype=torch.float32) - (size - 1) / 2
    y, x = torch.meshgrid(at, at, indexing="ij")
    columns, rows = cosine * x - sine * y, sine * x + cosine * y
    return torch.stack([columns, rows], dim=-1)[None] * (2 / window)
