"""A split's images and labels at the network's size, read once and kept in memory to a limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.dataset import IGNORE, Sample, SegmentationDataset
from ccnet_edge.device.imaging.resize import resize, resize_labels, to_channels
from ccnet_edge.spec.artifact import Preprocessing
from ccnet_edge.spec.progress import Progress, silent

# 2 GiB: DRIVE at 512² takes 21 MB, 2000 colour images of 512² the whole of it.
CACHE_BYTES = 2**31


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An image [H, W, C] uint8 or uint16 and its labels [H, W] uint8, 255 ignored."""

    name: str
    image: NDArray[np.uint8] | NDArray[np.uint16]
    labels: NDArray[np.uint8]

    @property
    def nbytes(self) -> int:
        """Bytes of both."""
        return self.image.nbytes + self.labels.nbytes


def own_size(dataset: SegmentationDataset, sample: Sample, shape: Preprocessing) -> Picture:
    """The image as it is stored, for `prepare`, and its labels at the network's size."""
    return Picture(
        name=sample.name,
        image=dataset.load_image(sample),
        labels=resize_labels(dataset.load_labels(sample), height=shape.height, width=shape.width),
    )


def network_size(dataset: SegmentationDataset, sample: Sample, shape: Preprocessing) -> Picture:
    """Both at the network's size, with the network's channels: what patches are cut from."""
    picture = own_size(dataset, sample, shape)
    image = resize(
        to_channels(picture.image, shape.channels),
        height=shape.height,
        width=shape.width,
        method=shape.resize,
    )
    return replace(picture, image=image)


class Pictures(Sequence[Picture]):
    """Pictures of `samples`; those beyond `limit_bytes` are read again at every access."""

    def __init__(
        self,
        samples: Sequence[Sample],
        read: Callable[[Sample], Picture],
        *,
        limit_bytes: int = CACHE_BYTES,
        progress: Progress = silent,
    ) -> None:
        self._samples, self._read = samples, read
        self._kept: list[Picture] = []
        used = 0
        for done, sample in enumerate(samples, start=1):
            picture = read(sample)
            used += picture.nbytes
            if used > limit_bytes:
                progress("read", done=len(samples), total=len(samples), note="the rest from disk")
                break
            self._kept.append(picture)
            progress("read", done=done, total=len(samples))

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, i: int) -> Picture:  # type: ignore[override]
        """The picture of sample i, from memory or from its files."""
        return self._kept[i] if i < len(self._kept) else self._read(self._samples[i])


def channel_statistics(
    pictures: Sequence[Picture], maximum: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel over all pixels that are not ignored.

    In units of `maximum`; a constant channel has the deviation 1 / `maximum`, so that it can be
    divided by.
    """
    count, total, squares = 0, 0.0, 0.0
    for picture in pictures:
        values = picture.image[picture.labels != IGNORE].astype(np.float64) / maximum  # [P, C]
        count += len(values)
        total, squares = total + values.sum(axis=0), squares + (values**2).sum(axis=0)
    mean = np.asarray(total) / max(count, 1)
    deviation = np.sqrt(np.maximum(np.asarray(squares) / max(count, 1) - mean**2, 0))
    deviation = np.where(deviation < 1 / maximum, 1 / maximum, deviation)
    return tuple(mean.tolist()), tuple(deviation.tolist())
