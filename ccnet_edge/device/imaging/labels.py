"""What logits mean: probabilities and class labels, for one output (sigmoid) or one a class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def probabilities(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities of all classes, background first, that sum to 1 in every pixel.

    Args:
        logits: [outputs, H, W] float32; one output is the foreground's logit of two classes
            (sigmoid), more are one a class (softmax).

    Returns:
        [K, H, W] float32; K = 2 for one output.
    """
    if logits.shape[0] == 1:
        foreground = _sigmoid(logits[0])
        return np.stack([np.float32(1) - foreground, foreground])
    # Without its largest logit no pixel's exponentials overflow.
    powers = np.exp(logits - logits.max(axis=0, keepdims=True))
    normalised: NDArray[np.float32] = powers / powers.sum(axis=0, keepdims=True)
    return normalised


def labels(logits: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The most probable class of every pixel; a tie goes to the lower index.

    Args:
        logits: [outputs, H, W] float32, as for `probabilities`.

    Returns:
        [H, W] uint8 class indices, 0 the background.
    """
    if logits.shape[0] == 1:
        return np.asarray(logits[0] > 0, np.uint8)
    return np.asarray(logits.argmax(axis=0), np.uint8)


def _sigmoid(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 / (1 + e⁻ˣ) from e^−|x|, which never overflows."""
    small = np.exp(-np.abs(x))
    result: NDArray[np.float32] = np.where(x >= 0, 1, small).astype(np.float32) / (1 + small)
    return result
