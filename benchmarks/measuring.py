"""How fast J is measured: against a plain Pillow loop, against the encoder alone, over cores.

    nice python -m benchmarks.measuring

The plain loop is what anyone would write: open, resize, and for each of five scales shrink,
enlarge and save to memory. "Decoded" begins with pixels in memory, "files" with paths; reading
a file takes both the same decoder. The encoder alone gets the five finished pictures of every
image, which no way of measuring J can do without.
"""

from __future__ import annotations

import io
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.protocol import Ratio, Timing, interleave, paired_ratio, write_result
from ccnet_edge.complexity import DEFAULT_DEFINITION, measure
from ccnet_edge.complexity.jpeg import jpeg_complexity
from ccnet_edge.complexity.view import Tools, View
from ccnet_edge.dataset import SegmentationDataset, open_dataset

DATA = Path(__file__).parents[2] / "shared" / "data"
SETS = (("drive", 512), ("chase_db1", 976))
SCALES = 5
IMAGES = 8  # of each set, where one core is timed
REPEATS = 9
BOX, BILINEAR = Image.Resampling.BOX, Image.Resampling.BILINEAR


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Images a second of one core (by processor time, median), and how many times faster."""

    plain_per_s: float
    measured_per_s: float
    speed_up: Ratio


@dataclass(frozen=True, kw_only=True)
class Workers:
    """`measure` (J and B, from files) over workers; ratios are of wall time.

    `two_workers` is how much faster two threads are than one, `two_processes` the same for the
    work in two processes that were started before: what this machine gave two at that moment.
    """

    images: int
    one_worker_per_s: float
    two_workers: Ratio
    two_processes: Ratio
    extra_cpu: Ratio


@dataclass(frozen=True, kw_only=True)
class SetFigures:
    """One data set; `encoder_ms`, `reading_ms`, `measured_ms` are processor time an image."""

    name: str
    height: int
    width: int
    largest_difference: float
    decoded: Comparison
    files: Comparison
    encoder_ms: float
    reading_ms: float
    measured_ms: float
    encoder_share: float
    workers: Workers


@dataclass(frozen=True, kw_only=True)
class MeasuringFigures:
    """All sets."""

    scales: int
    repeats: int
    sets: tuple[SetFigures, ...]


def main() -> None:
    """Measure all sets and write results/measuring.json."""
    sets = tuple(_figures(name, size) for name, size in SETS)
    print(write_result("measuring", MeasuringFigures(scales=SCALES, repeats=REPEATS, sets=sets)))


def plain_sizes(image: Image.Image, size: int) -> list[int]:
    """JPEG bytes by scale, the plain way."""
    resized = image.resize((size, size), BOX)
    return [_encoded_bytes(picture) for picture in _scales(resized, size)]


def _scales(image: Image.Image, size: int) -> list[Image.Image]:
    smaller = [(image.resize((size >> s, size >> s), BOX)) for s in range(1, SCALES)]
    return [image, *(each.resize((size, size), BILINEAR) for each in smaller)]


def _encoded_bytes(picture: Image.Image) -> int:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=25)
    return len(file.getvalue())


def _figures(name: str, size: int) -> SetFigures:
    dataset = open_dataset(DATA / name)
    samples = dataset.train[:IMAGES]
    images = [Image.open(sample.image).convert("RGB") for sample in samples]
    arrays = [np.asarray(image) for image in images]
    pictures = [each for image in images for each in _scales(image.resize((size, size), BOX), size)]
    with Tools() as tools:
        timings = interleave(
            {
                "encoder": lambda: [_encoded_bytes(picture) for picture in pictures],
                "reading": lambda: [dataset.load_image(sample) for sample in samples],
                "plain": lambda: [plain_sizes(image, size) for image in images],
                "measured": lambda: [_measured(array, size, tools) for array in arrays],
                "plain files": lambda: [
                    plain_sizes(Image.open(sample.image).convert("RGB"), size) for sample in samples
                ],
                "measured files": lambda: [
                    _measured(dataset.load_image(sample), size, tools) for sample in samples
                ],
            },
            repeats=REPEATS,
        )
        differences = [
            np.abs(np.array(plain_sizes(image, size)) / size**2 - _measured(array, size, tools))
            for image, array in zip(images, arrays, strict=True)
        ]
    per_image = {
        key: 1e3 * timing.median_s("cpu") / len(samples) for key, timing in timings.items()
    }
    return SetFigures(
        name=name,
        height=size,
        width=size,
        largest_difference=float(np.max(differences)),
        decoded=_comparison(timings["plain"], timings["measured"], len(samples)),
        files=_comparison(timings["plain files"], timings["measured files"], len(samples)),
        encoder_ms=per_image["encoder"],
        reading_ms=per_image["reading"],
        measured_ms=per_image["measured files"],
        encoder_share=per_image["encoder"] / per_image["measured"],
        workers=_workers(dataset, size),
    )


def _measured(image: NDArray[np.uint8], size: int, tools: Tools) -> tuple[float, ...]:
    view = View(
        image=image,
        labels=np.zeros((1, 1), np.uint8),
        definition=DEFAULT_DEFINITION,
        height=size,
        width=size,
        scales=SCALES,
        tools=tools,
    )
    return jpeg_complexity(view)


def _comparison(plain: Timing, measured: Timing, images: int) -> Comparison:
    return Comparison(
        plain_per_s=images / plain.median_s("cpu"),
        measured_per_s=images / measured.median_s("cpu"),
        speed_up=paired_ratio(plain, measured, clock="cpu"),
    )


def _workers(dataset: SegmentationDataset, size: int) -> Workers:
    """One and two workers over the training images twice, which two processes can share."""
    half = dataset
    whole = replace(dataset, train=dataset.train * 2)
    work = partial(measure, height=size, width=size, scales=SCALES)
    with ProcessPoolExecutor(2) as pool:

        def in_two_processes() -> object:
            return list(pool.map(_measure_alone, (half, half), (size, size)))

        timings = interleave(
            {
                "one": lambda: work(whole, workers=1),
                "two": lambda: work(whole, workers=2),
                "processes": in_two_processes,
            },
            repeats=REPEATS,
        )
    images = len(whole.train)
    return Workers(
        images=images,
        one_worker_per_s=images / timings["one"].median_s("wall"),
        two_workers=paired_ratio(timings["one"], timings["two"]),
        two_processes=paired_ratio(timings["one"], timings["processes"]),
        extra_cpu=paired_ratio(timings["two"], timings["one"], clock="cpu"),
    )


def _measure_alone(dataset: SegmentationDataset, size: int) -> object:
    return measure(dataset, height=size, width=size, scales=SCALES, workers=1)


if __name__ == "__main__":
    main()
