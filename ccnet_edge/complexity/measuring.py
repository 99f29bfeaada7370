"""Measuring a data set's training images: every image and scale, in parallel, then the means."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.complexity.definitions import DEFAULT_DEFINITION
from ccnet_edge.complexity.encoder import encoder_identity
from ccnet_edge.complexity.interval import mean_of
from ccnet_edge.complexity.jpeg import jpeg_complexity
from ccnet_edge.complexity.measures import MEASURES
from ccnet_edge.complexity.view import Tools, View
from ccnet_edge.dataset import Sample, SegmentationDataset
from ccnet_edge.errors import DataError, UsageError
from ccnet_edge.spec.complexity import (
    ImageComplexity,
    ImageFigures,
    JpegDefinition,
    ScaleComplexity,
)
from ccnet_edge.spec.progress import Progress, silent

SCALES = 5
# Pixels of the longer side where no size is given: memory and time grow with the area, and what
# a device for small networks can hold ends near here. The papers' sizes are 224 to 976.
LARGEST_SIDE = 512


def measure(
    dataset: SegmentationDataset,
    *,
    height: int,
    width: int,
    definition: JpegDefinition = DEFAULT_DEFINITION,
    scales: int = SCALES,
    workers: int | None = None,
    progress: Progress = silent,
) -> ImageComplexity:
    """J and B per scale of the training images of `dataset` at `height` × `width` pixels.

    J moves by up to 1.6× with the size, so it is measured at the size that the network will
    see. The figures do not depend on `workers`.

    Args:
        scales: resolutions, the network's; the coarsest is 2^(scales − 1) times smaller.
        workers: threads; one a processor that this process may use where None.

    Raises:
        UsageError: a size or number that is not positive.
        DataError: no training images, or one that cannot be measured.
    """
    _check(height=height, width=width, scales=scales, workers=workers)
    if not dataset.train:
        raise DataError(f"training images were wanted to measure, found none in {dataset.root}")

    def figures(sample: Sample, tools: Tools) -> ImageFigures:
        view = View(
            image=dataset.load_image(sample),
            labels=dataset.load_labels(sample),
            definition=definition,
            height=height,
            width=width,
            scales=scales,
            tools=tools,
        )
        return _figures(sample.name, view)

    images: list[ImageFigures] = []
    for found in _in_parallel(figures, dataset.train, workers or _processors()):
        images.append(found)
        progress("measure", done=len(images), total=len(dataset.train), note=found.name)
    return ImageComplexity(
        definition=definition,
        encoder=encoder_identity(),
        height=height,
        width=width,
        images=len(images),
        scales=tuple(_scale(images, s) for s in range(scales)),
        per_image=tuple(images),
    )


def fitting_size(
    dataset: SegmentationDataset, scales: int = SCALES, *, largest: int = LARGEST_SIDE
) -> tuple[int, int]:
    """The network's input for the set's typical image: at most `largest`, same proportions.

    Both sides are rounded to the nearest multiple of 2^(scales − 1), the network's output
    stride.
    """
    stride = 2 ** (scales - 1)
    size = dataset.typical_size()
    share = min(1.0, largest / max(size))
    height, width = (max(1, round(side * share / stride)) * stride for side in size)
    return height, width


def image_figures(
    image: NDArray[Any],
    definition: JpegDefinition = DEFAULT_DEFINITION,
    *,
    height: int,
    width: int,
    scales: int = SCALES,
) -> tuple[float, ...]:
    """J per scale, finest first, of one `image` [H, W, C] uint8 or uint16 at `height` × `width`."""
    _check(height=height, width=width, scales=scales, workers=None)
    with Tools() as tools:
        view = View(
            image=image,
            labels=np.zeros(image.shape[:2], np.uint8),
            definition=definition,
            height=height,
            width=width,
            scales=scales,
            tools=tools,
        )
        return jpeg_complexity(view)


def _figures(name: str, view: View) -> ImageFigures:
    try:
        found = {field: measured(view) for field, measured in MEASURES.items()}
    except DataError as error:
        raise DataError(f"{name}: {error.message}", hint=error.hint) from error
    return ImageFigures(name=name, **found)


def _scale(images: list[ImageFigures], scale: int) -> ScaleComplexity:
    return ScaleComplexity(
        j=mean_of([image.j[scale] for image in images]),
        b=mean_of([image.b[scale] for image in images]),
    )


def _in_parallel(
    figures: Callable[[Sample, Tools], ImageFigures], samples: tuple[Sample, ...], workers: int
) -> Iterator[ImageFigures]:
    """The figures of every sample in order; an error ends the work that has not begun."""
    workers = min(workers, len(samples))
    with _tools(workers) as free, ThreadPoolExecutor(workers, "measure") as pool:

        def task(sample: Sample) -> ImageFigures:
            tools = free.get()
            try:
                return figures(sample, tools)
            finally:
                free.put(tools)

        yield from pool.map(task, samples)


@contextmanager
def _tools(count: int) -> Iterator[SimpleQueue[Tools]]:
    with ExitStack() as stack:
        free: SimpleQueue[Tools] = SimpleQueue()
        for _ in range(count):
            free.put(stack.enter_context(Tools()))
        yield free


def _processors() -> int:
    """Processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _check(*, height: int, width: int, scales: int, workers: int | None) -> None:
    wanted = {"height": height, "width": width, "scales": scales, "workers": workers}
    for name, value in wanted.items():
        if value is not None and value < 1:
            raise UsageError(f"{name} of at least 1 was wanted, found {value}")
