"""The difference of two predictors' answers, image after image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.errors import ParityError


class Difference:
    """Counts how far a candidate's logits and classes are from a reference's.

    Args:
        reference: its name.
        candidate: the same.
    """

    def __init__(self, reference: str, candidate: str) -> None:
        self._reference, self._candidate = reference, candidate
        self._difference = self._largest = 0.0
        self._flipped = self._pixels = 0
        self._compared = False

    def add_logits(
        self, wanted: NDArray[np.float32], found: NDArray[np.float32], *, image: int | str
    ) -> None:
        """Count an image's logits, [1, outputs, H, W] both.

        Raises:
            ParityError: of different shapes, or not finite.
        """
        if wanted.shape != found.shape:
            raise ParityError(
                f"image {image}: logits {list(wanted.shape)} were wanted, {self._candidate} gives "
                f"{list(found.shape)}",
                hint="it was exported from another network, or for another input size",
            )
        check_finite(wanted, of=self._reference, image=image)
        check_finite(found, of=self._candidate, image=image)
        self._difference = max(self._difference, float(np.abs(found - wanted).max()))
        self._largest = max(self._largest, float(np.abs(wanted).max()))
        self._compared = True

    def add_masks(self, wanted: NDArray[np.uint8], found: NDArray[np.uint8]) -> None:
        """Count an image's classes, [H, W] both."""
        self._flipped += int(np.count_nonzero(wanted != found))
        self._pixels += wanted.size

    @property
    def relative_error(self) -> float | None:
        """The largest difference of logits over the largest logit; None before any logits.

        Where all reference logits are zero, any difference is a whole one.
        """
        if not self._compared:
            return None
        if self._largest > 0:
            return self._difference / self._largest
        return float(self._difference > 0)

    @property
    def flipped_share(self) -> float:
        """The share of pixels whose class differs."""
        return self._flipped / max(self._pixels, 1)


def check_finite(logits: NDArray[np.float32], *, of: str, image: int | str) -> None:
    """Refuse logits that are no numbers.

    Args:
        logits: of any shape.
        of: the predictor's name.
        image: the image's name or number.

    Raises:
        ParityError: names both.
    """
    if not np.isfinite(logits).all():
        raise ParityError(f"image {image}: {of} gives logits that are not finite")
