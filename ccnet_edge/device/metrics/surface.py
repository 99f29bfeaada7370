"""The 95th percentile Hausdorff distance of two masks' outlines, exact, on numpy alone."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_PERCENTILE = 95.0


def hausdorff95(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """The larger of the two directed 95th percentile distances between outlines, in pixels.

    Percentiles are those of numpy (linear between ranks). As MONAI and the Medical Segmentation
    Decathlon define it, an outline is the mask's pixels with one of their four neighbours
    outside of it or of the image. What those leave undefined is defined here: two empty masks
    are at distance 0, an empty one is as far from any other as the image allows, its diagonal.

    Args:
        a: [H, W].
        b: [H, W].
    """
    edge_a, edge_b = outline(a), outline(b)
    if not (edge_a.any() and edge_b.any()):
        return 0.0 if edge_a.any() == edge_b.any() else math.hypot(*a.shape)
    return max(_directed(edge_a, edge_b), _directed(edge_b, edge_a))


def outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels of `mask` [H, W] with one of four neighbours outside of it or of the image."""
    padded = np.pad(mask, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.asarray(mask & ~inner)


def _directed(points: NDArray[np.bool_], others: NDArray[np.bool_]) -> float:
    return float(np.percentile(np.sqrt(squared_distances(points, others)), _PERCENTILE))


def squared_distances(points: NDArray[np.bool_], others: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Squared distance from each pixel of `points` to the nearest of `others`, in row order.

    The nearest in the pixel's own row is known from two sweeps. Then rows further and further
    away are looked at, each for the pixels whose nearest so far is further than that row:
    outlines that agree are done after a few.

    Args:
        points: [H, W].
        others: [H, W], with at least one pixel set.

    Returns:
        [P] for P set pixels of `points`.
    """
    height, width = points.shape
    far = height + width  # more than any distance inside the image
    along = np.full((3 * height, width), far, np.int32)
    along[height : 2 * height] = _along_rows(others, far)
    flat = along.ravel()
    place = np.flatnonzero(points) + height * width
    nearest: NDArray[np.int64] = flat[place].astype(np.int64) ** 2  # [P]
    left = np.arange(len(place))
    for step in range(1, height):
        left = left[nearest[left] > step * step]
        if not len(left):
            break
        at = place[left]
        side = np.minimum(flat[at - step * width], flat[at + step * width]).astype(np.int64)
        nearest[left] = np.minimum(nearest[left], side**2 + step * step)
    return nearest


def _along_rows(others: NDArray[np.bool_], far: int) -> NDArray[np.int32]:
    """Distance of every pixel [H, W] to the nearest set one of its row; `far` where none is."""
    columns = np.arange(others.shape[1], dtype=np.int32)
    before = np.maximum.accumulate(np.where(others, columns, np.int32(-far)), axis=1)
    flipped = np.where(others, columns, np.int32(2 * far))[:, ::-1]
    after = np.minimum.accumulate(flipped, axis=1)[:, ::-1]
    return np.minimum(np.minimum(columns - before, after - columns), np.int32(far))
