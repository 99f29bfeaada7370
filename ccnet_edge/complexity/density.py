"""B, foreground density per scale: the share of the mask's pixels that is foreground."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.complexity.pyramid import coarse_size
from ccnet_edge.complexity.view import View
from ccnet_edge.dataset import IGNORE
from ccnet_edge.device.imaging.resize import resize_labels
from ccnet_edge.errors import DataError


def foreground_density(view: View) -> tuple[float, ...]:
    """B = foreground pixels / all pixels (CC21, section 2.1), ignored pixels in neither.

    Every class but the background is foreground. The labels are subsampled by 2ˢ and enlarged
    again by nearest neighbour, as no pixel may become half a vessel.

    Raises:
        DataError: at some scale every pixel is ignored.
    """
    labels = resize_labels(view.labels, height=view.height, width=view.width)
    return tuple(_density(_at_scale(labels, s), s) for s in range(view.scales))


def _at_scale(labels: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
    height, width = labels.shape
    rows, columns = coarse_size((height, width), scale)
    if (rows << scale, columns << scale) == (height, width):
        # Enlarging would repeat every pixel equally often: the share stays.
        middle = 2**scale // 2
        return labels[middle :: 2**scale, middle :: 2**scale]
    coarse = resize_labels(labels, height=rows, width=columns)
    return resize_labels(coarse, height=height, width=width)


def _density(labels: NDArray[np.uint8], scale: int) -> float:
    ignored = int(np.count_nonzero(labels == IGNORE))
    if ignored == labels.size:
        raise DataError(
            f"pixels to measure the foreground's density on were wanted at scale /{2**scale}, "
            f"found {labels.size}, all ignored",
            hint="check the regions to ignore of this image",
        )
    return (int(np.count_nonzero(labels != 0)) - ignored) / (labels.size - ignored)
