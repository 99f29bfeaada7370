"""Weights → whole numbers that together change a layer's results least, and what its bias is then.

Rounding each weight to its nearest number is best for each alone. Weights of one output cancel
each other on what images have most of, smooth parts, and errors that do not cancel there cost
most; so each is rounded in view of those before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

# Added to the variances, as a share of their mean: what calibration never saw may come.
DAMPING = 0.01


@dataclass(frozen=True, kw_only=True, eq=False)
class Moments:
    """What a convolution reads for one result: [in · k²] values, or [in] of a transposed one.

    `covariance` is None where it would be too large a matrix.
    """

    mean: Matrix
    covariance: Matrix | None


def nearest(weights: Matrix, most: int) -> Matrix:
    """Each by itself."""
    return np.clip(np.rint(weights), -most, most)


def together(weights: Matrix, covariance: Matrix, most: int) -> Matrix:
    """Whole numbers W' with small Σ (W − W') C (W − W')ᵀ, the variance of the results' errors.

    Frantar et al. 2022, "GPTQ: Accurate post-training quantization for generative pre-trained
    transformers", algorithm 1: columns are rounded one after the other, and what is left of each
    is moved to those that are still to come, U being the Cholesky factor of C⁻¹:

        e = (w_i − rint(w_i)) / U_ii        w_j ← w_j − e U_ij        for all j > i

    Args:
        weights: W, [outputs, inputs], in units of a step.
        covariance: C of the inputs, [inputs, inputs].
        most: of a whole number's magnitude.
    """
    variances = np.diag(covariance)
    if not variances.max() > 0:
        return nearest(weights, most)
    # Those that matter most first, while there are others to make up for them.
    order = np.argsort(-variances, kind="stable")
    damped = covariance[np.ix_(order, order)] + DAMPING * variances.mean() * np.eye(len(order))
    upper = np.linalg.cholesky(np.linalg.inv(damped)).T
    left, whole = weights[:, order].copy(), np.empty_like(weights)
    for i, column in enumerate(order):
        whole[:, column] = nearest(left[:, i], most)
        error = (left[:, i] - whole[:, column]) / upper[i, i]
        left[:, i + 1 :] -= np.outer(error, upper[i, i + 1 :])
    return whole
