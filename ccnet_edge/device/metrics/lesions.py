"""Lesions: connected parts of a truth, and those of which a prediction has no pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pair = tuple[NDArray[np.int64], NDArray[np.int64]]


def number_lesions(truth: NDArray[np.uint8], *, classes: int) -> NDArray[np.int32]:
    """The lesion of every pixel, numbered from 1 on; 0 where none is.

    A lesion is a part of one foreground class that is connected by 8-connectivity.

    Args:
        truth: [H, W] class indices; pixels of no class are of no lesion.
        classes: their number, with the background.

    Returns:
        [H, W].
    """
    numbers = np.zeros(truth.shape, np.int32)
    last = 0
    for k in range(1, classes):
        own = truth == k
        parts, count = _parts(own)
        numbers[own] = parts + (last + 1)
        last += count
    return numbers


def count_missed(lesions: NDArray[np.int32], hits: NDArray[np.bool_]) -> tuple[int, int]:
    """How many lesions there are, and of how many no pixel was hit.

    Args:
        lesions: [H, W] as `number_lesions` gives them, or resized by nearest neighbour.
        hits: [H, W], where the prediction has the truth's class.
    """
    there = np.bincount(lesions.ravel()) > 0
    hit = np.bincount(lesions[hits], minlength=len(there)) > 0
    return int(there[1:].sum()), int((there & ~hit)[1:].sum())


def _parts(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], int]:
    """The connected part of every set pixel of [H, W], in row order, from 0 on; their number.

    Rows are cut into runs, which are joined where they touch, so that the work is by the number
    of runs and not of pixels.
    """
    # An empty column behind: no run goes on in the next row.
    flat = np.pad(mask, ((0, 0), (0, 1))).ravel()
    steps = np.diff(flat.astype(np.int8), prepend=0, append=0)
    starts, ends = np.flatnonzero(steps > 0), np.flatnonzero(steps < 0)
    root = _join(len(starts), *_touching(starts, ends, stride=mask.shape[1] + 1))
    roots, part = np.unique(root, return_inverse=True)
    return np.repeat(part, ends - starts), len(roots)


def _touching(starts: NDArray[np.int64], ends: NDArray[np.int64], *, stride: int) -> Pair:
    """Pairs of runs that touch, also by a corner: one of a row, the other of the row below."""
    first = np.searchsorted(ends, starts + stride, side="left")
    behind = np.searchsorted(starts, ends + stride, side="right")
    counts = np.maximum(behind - first, 0)
    upper = np.repeat(np.arange(len(starts)), counts)
    lower = np.arange(len(upper)) - np.repeat(np.cumsum(counts) - counts - first, counts)
    return upper, lower


def _join(count: int, upper: NDArray[np.int64], lower: NDArray[np.int64]) -> NDArray[np.int64]:
    """The least run of each run's part, [count]: roots take the lower one, paths are halved."""
    root = np.arange(count)
    while True:
        a, b = root[upper], root[lower]
        if np.array_equal(a, b):
            return root
        least = np.minimum(a, b)
        np.minimum.at(root, a, least)
        np.minimum.at(root, b, least)
        while not np.array_equal(root, shorter := root[root]):
            root = shorter
