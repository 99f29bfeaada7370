"""Segmentation scores from counts: F1, IU, Jaccard, sensitivity, specificity, accuracy, AUC."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.errors import DataError
from ccnet_edge.spec.report import ClassScores, Scores

# Label of pixels that no score may count (the same as ccnet_edge.dataset's).
IGNORE = 255

# AUC's histogram: a probability's bin is its float32 exponent and the first ten bits of its
# mantissa, mirrored at one half, so bins are 0.1 % of p wide near 0 and of 1 − p near 1.
_DROPPED_BITS = 13
_HALF_BIN = 0x3F000000 >> _DROPPED_BITS  # float32's bits of 0.5
_BINS = 2 * _HALF_BIN + 2


class ScoreCounter:
    """Counts pixels, image after image, into a confusion matrix and AUC's histograms.

    Memory does not grow with the images: 4 MB a foreground class.

    Args:
        classes: names of all classes, background first.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        if len(classes) < 2:
            raise DataError(f"at least two classes are needed for scores, found {list(classes)}")
        self._classes = tuple(classes)
        self._confusion = np.zeros((len(classes), len(classes)), np.int64)  # [truth, predicted]
        self._histograms: NDArray[np.int64] | None = None  # [K − 1, 2, bins]: others, own

    def add(self, labels: NDArray[np.uint8], probabilities: NDArray[np.float32]) -> None:
        """Count an image.

        Args:
            labels: the truth, [H, W]; pixels of 255 are left out.
            probabilities: [K, H, W], the background's first.

        Raises:
            DataError: other shapes, labels of no class, or probabilities that are no numbers.
        """
        wanted = (len(self._classes), *labels.shape)
        if probabilities.shape != wanted:
            raise DataError(f"probabilities of shape {wanted} wanted, found {probabilities.shape}")
        seen = labels != IGNORE
        truth, p = labels[seen], probabilities[:, seen]  # [P], [K, P]
        if not np.isfinite(p).all():
            raise DataError("the network's probabilities hold values that are not numbers")
        self._count(truth, p.argmax(axis=0).astype(np.uint8))
        self._count_ranks(truth, p[1:])

    def add_labels(self, labels: NDArray[np.uint8], predicted: NDArray[np.uint8]) -> None:
        """Count an image whose prediction is classes, [H, W] both; 255 in either is left out.

        Raises:
            DataError: other shapes, or labels of no class.
        """
        if labels.shape != predicted.shape:
            raise DataError(f"two masks differ in size: {labels.shape} and {predicted.shape}")
        seen = (labels != IGNORE) & (predicted != IGNORE)
        self._count(labels[seen], predicted[seen])

    def merge(self, other: ScoreCounter) -> None:
        """Add what `other` counted, as if its images had been added here.

        Raises:
            DataError: other classes.
        """
        if other._classes != self._classes:
            raise DataError(f"counts of {other._classes} cannot join those of {self._classes}")
        self._confusion += other._confusion
        if other._histograms is not None:
            self._add_histograms(other._histograms)

    def scores(self, *, auc: bool = True) -> Scores:
        """The scores of everything counted so far; `auc=False` leaves AUC None."""
        counts = self._confusion
        own = [self._class_scores(k, auc=auc) for k in range(len(self._classes))]
        foreground = tuple(own[1:])
        return Scores(
            pixels=int(counts.sum()),
            f1=_mean([c.f1 for c in foreground]),
            iu=_mean([c.jaccard for c in own]),
            jaccard=_mean([c.jaccard for c in foreground]),
            sensitivity=_mean([c.sensitivity for c in foreground]),
            specificity=_mean([c.specificity for c in foreground]),
            accuracy=_ratio(int(np.trace(counts)), int(counts.sum())),
            auc=_mean([c.auc for c in foreground]),
            classes=foreground,
        )

    def auc_error(self) -> float:
        """Bound of the distance of any class's AUC here to the exact one.

        Pairs of pixels within one bin count one half here and at most 1, at least 0 exactly.
        """
        if self._histograms is None:
            return 0.0
        return max(
            0.5 * float(own.astype(float) @ others) / max(float(own.sum()) * float(others.sum()), 1)
            for others, own in self._histograms
        )

    def _class_scores(self, k: int, *, auc: bool) -> ClassScores:
        hit = int(self._confusion[k, k])
        missed = int(self._confusion[k].sum()) - hit
        false = int(self._confusion[:, k].sum()) - hit
        rest = int(self._confusion.sum()) - hit - missed - false
        return ClassScores(
            name=self._classes[k],
            f1=_ratio(2 * hit, 2 * hit + missed + false),
            jaccard=_ratio(hit, hit + missed + false),
            sensitivity=_ratio(hit, hit + missed),
            specificity=_ratio(rest, rest + false),
            accuracy=_ratio(hit + rest, hit + missed + false + rest),
            auc=self._auc(k) if auc and k > 0 else None,
        )

    def _auc(self, k: int) -> float | None:
        """The share of (own, other) pixel pairs in the right order, ties one half."""
        if self._histograms is None:
            return None
        others, own = self._histograms[k - 1]
        pairs = float(own.sum()) * float(others.sum())
        if pairs == 0:
            return None
        below = np.cumsum(others) - others
        return float(np.dot(own.astype(float), below + 0.5 * others)) / pairs

    def _count(self, truth: NDArray[np.uint8], predicted: NDArray[np.uint8]) -> None:
        classes = len(self._classes)
        for what, values in (("labels", truth), ("predicted labels", predicted)):
            if values.size and int(values.max()) >= classes:
                raise DataError(
                    f"{what} of {classes} classes wanted (0 to {classes - 1}), found "
                    f"{int(values.max())}"
                )
        cells = np.bincount(truth.astype(np.int64) * classes + predicted, minlength=classes**2)
        self._confusion += cells.reshape(classes, classes)

    def _count_ranks(self, truth: NDArray[np.uint8], p: NDArray[np.float32]) -> None:
        histograms = np.empty((len(p), 2, _BINS), np.int64)
        for k, (ranks, histogram) in enumerate(zip(_bins(p), histograms, strict=True), start=1):
            own = truth == k
            histogram[1] = np.bincount(ranks[own], minlength=_BINS)
            histogram[0] = np.bincount(ranks[~own], minlength=_BINS)
        self._add_histograms(histograms)

    def _add_histograms(self, histograms: NDArray[np.int64]) -> None:
        if self._histograms is None:
            self._histograms = np.zeros_like(histograms)
        self._histograms += histograms


def _bins(p: NDArray[np.float32]) -> NDArray[np.int32]:
    """Bin of each probability; larger probabilities never have smaller bins."""
    p = np.clip(p.astype(np.float32, copy=False), 0.0, 1.0) + np.float32(0)  # −0 becomes +0
    low = np.minimum(p, 1 - p).astype(np.float32)
    bins = low.view(np.int32) >> _DROPPED_BITS
    return np.where(p <= 0.5, bins, _BINS - 1 - bins).astype(np.int32)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _mean(values: Sequence[float | None]) -> float | None:
    """The mean of the values that exist."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
