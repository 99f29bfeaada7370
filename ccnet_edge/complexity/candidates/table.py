"""All candidates of data sets: measured in parallel, normalised, and held against slopes."""

from __future__ import annotations

import os
import statistics
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from scipy import stats  # type: ignore[import-untyped]

from ccnet_edge.complexity.candidates import CANDIDATES, measure_candidates
from ccnet_edge.complexity.interval import mean_of
from ccnet_edge.complexity.measuring import fitting_size, measure
from ccnet_edge.dataset import Sample, SegmentationDataset
from ccnet_edge.device.imaging.coding import eight_bits
from ccnet_edge.device.imaging.resize import resize
from ccnet_edge.spec.candidates import (
    CandidateFigure,
    CandidateSet,
    CandidateTable,
    Correlation,
)
from ccnet_edge.spec.complexity import JpegDefinition
from ccnet_edge.spec.progress import Progress, silent

# What `complexity.measure` gives, at full resolution; JB where ω is given.
J, B, JB = "j", "b", "jb"


def measure_all(
    datasets: Sequence[SegmentationDataset],
    *,
    definition: JpegDefinition,
    size: tuple[int, int] | None = None,
    largest: int = 512,
    omega: float | None = None,
    slopes: Mapping[str, float] | None = None,
    workers: int | None = None,
    progress: Progress = silent,
) -> CandidateTable:
    """Every candidate, J and B (and JB) of the training images of data sets.

    Args:
        datasets: one or more.
        definition: of J.
        size: height and width in pixels to measure at; else each set's own proportions.
        largest: pixels of the longer side where no size is given.
        omega: of JB = ωJ + (1 − ω)B.
        slopes: measured ∂F1/∂log10 θ by data set's name; with three or more, correlations.
        workers: images at a time; one a processor where None.
        progress: told about stage "measure".

    Raises:
        DataError: no training images, or one that cannot be measured.
    """
    known = slopes or {}
    sets = [
        _of_set(
            dataset,
            definition,
            size or fitting_size(dataset, largest=largest),
            omega=omega,
            slope=known.get(dataset.name),
            workers=workers,
            progress=progress,
        )
        for dataset in datasets
    ]
    found = normalised(sets)
    return CandidateTable(
        definition=definition.identity, sets=found, correlations=correlations(found)
    )


def normalised(sets: Sequence[CandidateSet]) -> tuple[CandidateSet, ...]:
    """Every measure from 0 to 1 over the data sets, as in the papers' candidate selection."""
    if len(sets) < 2:
        return tuple(sets)
    ends = {}
    for figure in sets[0].figures:
        values = [each.figure(figure.name).mean.value for each in sets]
        ends[figure.name] = min(values), max(values)

    def share(figure: CandidateFigure) -> float | None:
        low, high = ends[figure.name]
        return (figure.mean.value - low) / (high - low) if high > low else None

    return tuple(
        replace(
            each,
            figures=tuple(replace(figure, normalised=share(figure)) for figure in each.figures),
        )
        for each in sets
    )


def correlations(sets: Sequence[CandidateSet]) -> tuple[Correlation, ...]:
    """Every measure against the slopes that are known; nothing for fewer than three."""
    known = [each for each in sets if each.slope is not None]
    if len(known) < 3:
        return ()
    slopes = [each.slope or 0.0 for each in known]
    found = []
    for figure in known[0].figures:
        values = [each.figure(figure.name).mean.value for each in known]
        if len(set(values)) < 2 or len(set(slopes)) < 2:
            continue
        found.append(
            Correlation(
                name=figure.name,
                pearson=statistics.correlation(values, slopes),
                spearman=float(stats.spearmanr(values, slopes).statistic),
            )
        )
    return tuple(sorted(found, key=lambda each: -abs(each.spearman)))


def _of_set(
    dataset: SegmentationDataset,
    definition: JpegDefinition,
    size: tuple[int, int],
    *,
    omega: float | None,
    slope: float | None,
    workers: int | None,
    progress: Progress,
) -> CandidateSet:
    height, width = size
    found = measure(
        dataset,
        height=height,
        width=width,
        definition=definition,
        scales=1,
        workers=workers,
        progress=progress,
    )

    def figures(sample: Sample) -> dict[str, float]:
        image = eight_bits(dataset.load_image(sample), definition)
        sized: Any = resize(image, height=height, width=width, method=definition.resize)
        return measure_candidates(sized)

    images: list[dict[str, float]] = []
    with ThreadPoolExecutor(workers or os.cpu_count() or 1, "candidates") as pool:
        for sample, each in zip(dataset.train, pool.map(figures, dataset.train), strict=True):
            images.append(each)
            done, total = len(images), len(dataset.train)
            progress("candidates", done=done, total=total, note=sample.name)
    means = {name: mean_of([image[name] for image in images]) for name in CANDIDATES}
    j, b = found.scales[0].j, found.scales[0].b
    means[J] = j
    if b is not None:
        means[B] = b
    if omega is not None and b is not None:
        mixed = [omega * each.j[0] + (1 - omega) * each.b[0] for each in found.per_image]
        means[JB] = mean_of(mixed)
    return CandidateSet(
        name=dataset.name,
        height=height,
        width=width,
        images=len(images),
        figures=tuple(CandidateFigure(name=name, mean=mean) for name, mean in means.items()),
        slope=slope,
    )
