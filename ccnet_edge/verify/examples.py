"""What predictors are compared on, and the predictors: engines, or answers given before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.dataset import Sample, SegmentationDataset
from ccnet_edge.device.imaging.preprocess import prepare
from ccnet_edge.device.imaging.read import read_mask
from ccnet_edge.device.imaging.resize import resize, resize_labels
from ccnet_edge.device.metrics import number_lesions
from ccnet_edge.errors import DataError
from ccnet_edge.spec.artifact import Preprocessing
from ccnet_edge.spec.target import Precision

# Logits [1, outputs, H, W] for an input [1, C, H, W], both float32.
Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True)
class Example:
    """An input [1, C, H, W] float32 and its truth [h, w] uint8, 255 where it does not count.

    `lesions` are the truth's connected parts, [h, w] int32 from 1 on, 0 where none is. Where the
    network takes no input of h × w, the input has more rows and columns: see `prepare`.
    """

    name: str
    x: NDArray[np.float32]
    truth: NDArray[np.uint8]
    lesions: NDArray[np.int32]


class Examples:
    """`samples` of a data set at the network's size, one in memory at a time."""

    def __init__(
        self,
        dataset: SegmentationDataset,
        samples: Sequence[Sample],
        preprocessing: Preprocessing,
    ) -> None:
        self._dataset, self._samples, self._preprocessing = dataset, samples, preprocessing

    def __len__(self) -> int:
        return len(self._samples)

    def __iter__(self) -> Iterator[Example]:
        pre, classes = self._preprocessing, len(self._dataset.classes)
        for sample in self._samples:
            truth = self._dataset.load_labels(sample)
            # NOTE: numbered before it is resized. Nearest neighbours break thin vessels into
            # pieces: DRIVE's 20 test masks have 55 parts, and 1934 at 512² (from 584 × 565).
            lesions = number_lesions(truth, classes=classes)[..., None]
            resized = resize(lesions, height=pre.height, width=pre.width, method="nearest")
            yield Example(
                name=sample.name,
                x=prepare(self._dataset.load_image(sample), pre),
                truth=resize_labels(truth, height=pre.height, width=pre.width),
                lesions=resized[..., 0],
            )


@dataclass(frozen=True, kw_only=True)
class Predictor:
    """Something that answers examples: with logits [1, outputs, H, W] float32, or a mask [h, w].

    A mask is uint8 class indices at the truth's size, all that a predictor may have left.
    """

    name: str
    precision: Precision
    answer: Callable[[Example], NDArray[Any]]


def predictor(predict: Predict, *, name: str, precision: Precision) -> Predictor:
    """The predictor that a network is."""
    return Predictor(name=name, precision=precision, answer=lambda example: predict(example.x))


def saved(answers: Mapping[str, NDArray[Any]], *, name: str, precision: Precision) -> Predictor:
    """The predictor that gave `answers` elsewhere, logits or masks by the example's name."""

    def answer(example: Example) -> NDArray[Any]:
        if example.name not in answers:
            raise DataError(
                f"{name}: an answer for image {example.name!r} was wanted, found none among "
                f"{len(answers)}",
                hint="segment the same images there as here",
            )
        return answers[example.name]

    return Predictor(name=name, precision=precision, answer=answer)


def saved_masks(
    files: Mapping[str, Path],
    *,
    name: str,
    precision: Precision,
    classes: int,
    size: tuple[int, int],
) -> Predictor:
    """The predictor whose masks `run` wrote, wherever that was.

    They are read when they are asked for, and brought from the images' size to the network's:
    those of images that are no smaller than the network's input lose nothing by it.

    Args:
        files: PNG files by the images' names.
        name: of the predictor.
        precision: the same.
        classes: their number: of two, `run` writes 0 and 255, of more their indices.
        size: height and width of images at the network.
    """

    def answer(example: Example) -> NDArray[Any]:
        if example.name not in files:
            raise DataError(
                f"{name}: the mask of image {example.name!r} was wanted, found none",
                hint="segment the test images there: ccnet-edge run BUNDLE IMAGES -o MASKS",
            )
        mask = read_mask(files[example.name])
        found = (mask > 0).astype(np.uint8) if classes == 2 else np.asarray(mask, np.uint8)
        return resize_labels(found, height=size[0], width=size[1])

    return Predictor(name=name, precision=precision, answer=answer)
