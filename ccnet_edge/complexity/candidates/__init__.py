"""Every measure of complexity that the papers chose J from (CC21 section 2.1), by name.

Each is a function of one image [H, W, C] uint8 at the size that the network sees, to a number that
is larger for more complex images. J and B, which need a definition and masks, are measured by
`complexity.measure`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.complexity.candidates import clutter, edges, energy, keypoints


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A measure with what it means and where it was described."""

    meaning: str
    source: str
    measure: Callable[[NDArray[np.uint8]], float]


CANDIDATES: dict[str, Candidate] = {
    "energy": Candidate(
        meaning="signal energy: Σ|F|² of the Fourier transform, a pixel, 1 for all white",
        source="CC21 section 2.1",
        measure=energy.signal_energy,
    ),
    "sobel": Candidate(
        meaning="squared edge response by Sobel's kernels, mean over a pyramid of 5 levels",
        source="Yu & Winkler, QoMEX 2013",
        measure=edges.sobel,
    ),
    "scharr": Candidate(
        meaning="the same by Scharr's kernels",
        source="Yu & Winkler, QoMEX 2013",
        measure=edges.scharr,
    ),
    "sift": Candidate(
        meaning="SIFT keypoints in 1000 pixels",
        source="Lowe, IJCV 60(2), 2004",
        measure=keypoints.sift_density,
    ),
    "doh": Candidate(
        meaning="keypoints by the determinant of Hessian, SURF's detector, in 1000 pixels",
        source="Bay et al., CVIU 110(3), 2008",
        measure=keypoints.hessian_density,
    ),
    "doh_strength": Candidate(
        meaning="the sum of their determinants, a pixel",
        source="Bay et al., CVIU 110(3), 2008",
        measure=keypoints.hessian_strength,
    ),
    "congestion": Candidate(
        meaning="feature congestion: local variance of colour, contrast and orientation",
        source="Rosenholtz, Li & Nakano, J. Vision 7(2):17, 2007",
        measure=clutter.feature_congestion,
    ),
    "subband_entropy": Candidate(
        meaning="sub-band entropy: bits of steerable sub-bands of lightness and chrominance",
        source="Rosenholtz, Li & Nakano, J. Vision 7(2):17, 2007",
        measure=clutter.subband_entropy,
    ),
}


def measure_candidates(image: NDArray[Any]) -> dict[str, float]:
    """Every candidate of one image [H, W, C] uint8."""
    return {name: each.measure(image) for name, each in CANDIDATES.items()}
