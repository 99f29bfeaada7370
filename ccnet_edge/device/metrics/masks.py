"""Masks against others over several images: overlap, outlines and lesions in one value."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.device.metrics.counts import IGNORE, ScoreCounter
from ccnet_edge.device.metrics.lesions import count_missed, number_lesions
from ccnet_edge.device.metrics.surface import hausdorff95
from ccnet_edge.spec.parity import MaskScores

Labels = NDArray[np.uint8]


class MaskCounter:
    """Counts masks, image after image.

    Args:
        classes: names of all classes, background first.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self._pixels = ScoreCounter(classes)
        self._foreground = range(1, len(classes))
        self._distances: list[float] = []  # of every image and foreground class
        self._lesions = self._missed = 0

    def add(
        self, truth: Labels, predicted: Labels, lesions: NDArray[np.int32] | None = None
    ) -> None:
        """Count an image's masks.

        Args:
            truth: [H, W] class indices; pixels of 255 are left out.
            predicted: the same of the prediction.
            lesions: the truth's, [H, W], numbered before it was resized; None for the parts
                of `truth` itself.

        Raises:
            DataError: other shapes, or labels of no class.
        """
        self._pixels.add_labels(truth, predicted)
        seen = truth != IGNORE
        for k in self._foreground:
            wanted, found = truth == k, (predicted == k) & seen
            self._distances.append(hausdorff95(wanted, found))
        if lesions is None:
            lesions = number_lesions(truth, classes=len(self._foreground) + 1)
        there, missed = count_missed(lesions, truth == predicted)
        self._lesions += there
        self._missed += missed

    def scores(self) -> MaskScores:
        """The scores of everything counted so far."""
        pooled = self._pixels.scores(auc=False)
        return MaskScores(
            dice=pooled.f1,
            iu=pooled.iu,
            hd95_px=float(np.mean(self._distances)) if self._distances else 0.0,
            lesions=self._lesions,
            missed=self._missed,
        )


def image_dice(truth: Labels, predicted: Labels, *, classes: int) -> float:
    """One image's Dice, the mean over the foreground classes; pixels of 255 are left out.

    A class that the truth has nowhere has no Dice: its share of pixels that were left alone
    stands in for it, so that a few false pixels on a healthy image are not a whole failure.

    Args:
        truth: [H, W] class indices.
        predicted: [H, W] the same.
        classes: their number, with the background.
    """
    seen = truth != IGNORE
    pixels = max(int(np.count_nonzero(seen)), 1)
    return float(
        np.mean([_dice(truth == k, (predicted == k) & seen, pixels) for k in range(1, classes)])
    )


def _dice(wanted: NDArray[np.bool_], found: NDArray[np.bool_], pixels: int) -> float:
    own, other = int(np.count_nonzero(wanted)), int(np.count_nonzero(found))
    if own == 0:
        return 1 - other / pixels
    return 2 * int(np.count_nonzero(wanted & found)) / (own + other)
