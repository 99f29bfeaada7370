"""J, JPEG complexity per scale: what is left of an image's information after coarse coding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.complexity.pyramid import rescaled
from ccnet_edge.complexity.view import View
from ccnet_edge.device.imaging.coding import pictures
from ccnet_edge.device.imaging.complexity import frame


def jpeg_complexity(view: View) -> tuple[float, ...]:
    """J = 1/CR = size(JPEG of the image at a scale) / size(the image), CC21 eq. 1 and 2.

    What is divided by what is the definition's: bytes or bits, by pixels or samples of the
    image at the size it is measured at. That size is the frame of reference at every scale.
    """
    totals = np.zeros(view.scales, np.int64)
    for picture in pictures(view.image, view.definition):
        totals += _sizes_bytes(picture, view)
    units = totals * (8 if view.definition.unit == "bits" else 1)
    return tuple(
        float(size) for size in units / frame(view.image, view.definition, view.height, view.width)
    )


def _sizes_bytes(picture: NDArray[np.uint8], view: View) -> list[int]:
    scaled = rescaled(
        picture,
        view.definition,
        size=(view.height, view.width),
        scales=view.scales,
        scratch=view.tools.scratch,
    )
    return [view.tools.sizer.size_bytes(image, view.definition) for image in scaled]
