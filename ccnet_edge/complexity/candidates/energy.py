"""Signal energy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.complexity.candidates.views import grey


def signal_energy(image: NDArray[np.uint8]) -> float:
    """Σ |F(u, v)|² / (H W)², which by Parseval is the mean square of the grey samples.

    The papers leave its scale open; this one does not depend on the image's size.
    """
    plane = grey(image)
    spectrum = np.abs(np.fft.fft2(plane)) ** 2
    return float(spectrum.sum() / plane.size**2)
