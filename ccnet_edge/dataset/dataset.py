"""A data set as a value: its samples by split, and how each becomes pixels and labels."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.dataset.classes import ClassMap
from ccnet_edge.dataset.options import DatasetOptions
from ccnet_edge.dataset.sample import IGNORE, Sample
from ccnet_edge.device.imaging.read import read_image, read_mask
from ccnet_edge.device.imaging.resize import to_channels
from ccnet_edge.spec import serial

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


@dataclass(frozen=True, kw_only=True)
class SegmentationDataset:
    """Images with labels, checked when it was opened; made by `open_dataset`.

    Attributes:
        classes: names of the classes, background first; a label is an index into it.
        channels: of every image that is loaded.
        maximum: the largest sample that an image can have, 255 or 65 535.
        typical: median (height, width) of the training images.
        skipped: what was left out, in words.
    """

    name: str
    root: Path
    options: DatasetOptions
    class_map: ClassMap
    channels: int
    maximum: float
    typical: tuple[int, int]
    train: tuple[Sample, ...]
    validation: tuple[Sample, ...]
    test: tuple[Sample, ...]
    skipped: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of all classes, background first."""
        return self.class_map.names

    @property
    def samples(self) -> tuple[Sample, ...]:
        """The samples of all splits."""
        return self.train + self.validation + self.test

    def split(self, name: Split) -> tuple[Sample, ...]:
        """The samples of one split."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return parts[name]

    def load_image(self, sample: Sample) -> NDArray[Any]:
        """The image [H, W, `channels`], uint8, or uint16 where any image of the set is.

        Images of 8 bits in a set of 16 are scaled by 257.
        """
        image = to_channels(read_image(sample.image), self.channels)
        if self.maximum > 255 and image.dtype == np.uint8:
            return image.astype(np.uint16) * np.uint16(257)
        return image

    def load_labels(self, sample: Sample) -> NDArray[np.uint8]:
        """Class indices [H, W]; `IGNORE` where pixels do not count."""
        return self._labels(sample, sample.masks)

    def load_second(self, sample: Sample) -> NDArray[np.uint8] | None:
        """The second observer's labels [H, W], None where there is none for this image."""
        return self._labels(sample, sample.second) if sample.second else None

    def typical_size(self) -> tuple[int, int]:
        """Median (height, width) of the training images, in pixels."""
        return self.typical

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over the contents of all files, the splits, the classes and the pixel format.

        It does not depend on where the folder is. Equal fingerprints give equal pixels.
        """
        digest = hashlib.sha256(serial.to_json(self.class_map).encode())
        digest.update(f"{self.channels} {self.maximum}".encode())
        with ThreadPoolExecutor() as pool:
            for split in SPLITS:
                for sample, line in zip(
                    self.split(split), pool.map(_hashes, self.split(split)), strict=True
                ):
                    digest.update(f"\n{split} {sample.name!r} {line}".encode())
        return digest.hexdigest()

    def _labels(self, sample: Sample, masks: tuple[Path, ...]) -> NDArray[np.uint8]:
        labels = self.class_map.labels(read_mask(masks[0]))
        for path in masks[1:]:
            more = self.class_map.labels(read_mask(path))
            np.copyto(labels, more, where=more != 0)
        if sample.region is not None:
            labels[read_mask(sample.region) == 0] = IGNORE
        if sample.ignored is not None:
            labels[read_mask(sample.ignored) != 0] = IGNORE
        return labels


def _hashes(sample: Sample) -> str:
    """Role and hash of every file of a sample."""
    roles = (
        ("image", (sample.image,)),
        ("mask", sample.masks),
        ("region", (sample.region,) if sample.region else ()),
        ("ignored", (sample.ignored,) if sample.ignored else ()),
        ("second", sample.second),
    )
    return " ".join(
        f"{role}:{hashlib.sha256(path.read_bytes()).hexdigest()}"
        for role, paths in roles
        for path in paths
    )
