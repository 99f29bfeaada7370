"""A data set's images as a network's inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.dataset.dataset import SegmentationDataset
from ccnet_edge.dataset.sample import Sample
from ccnet_edge.device.imaging.preprocess import prepare
from ccnet_edge.spec.artifact import Preprocessing


class PreparedImages:
    """Images of `samples` as inputs, [1, C, H, W] float32, one in memory at a time."""

    def __init__(
        self,
        dataset: SegmentationDataset,
        samples: Sequence[Sample],
        preprocessing: Preprocessing,
    ) -> None:
        self._dataset, self._samples, self._preprocessing = dataset, samples, preprocessing

    def __len__(self) -> int:
        return len(self._samples)

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        for sample in self._samples:
            yield prepare(self._dataset.load_image(sample), self._preprocessing)
