"""Every file of a data set is read once, in threads: what is in it, and what is wrong."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.dataset.sample import Problem, Sample
from ccnet_edge.device.imaging.read import read_image, read_mask
from ccnet_edge.errors import DataError
from ccnet_edge.spec.progress import Progress, silent

# Masks with more values than this are not asked whether a value has several pieces.
MOST_CLASSES = 20


@dataclass(frozen=True, kw_only=True)
class MaskFacts:
    """Value → pixels of one mask file; `scattered` values certainly have several pieces."""

    path: Path
    counts: dict[int, int]
    scattered: frozenset[int]


@dataclass(frozen=True, kw_only=True)
class SampleFacts:
    """What a sample's files hold; sizes are 0 where the image could not be read."""

    sample: Sample
    height: int
    width: int
    channels: int
    sixteen_bit: bool
    masks: tuple[MaskFacts, ...]
    second: tuple[MaskFacts, ...]
    problems: tuple[Problem, ...]


def check_samples(samples: Sequence[Sample], progress: Progress = silent) -> list[SampleFacts]:
    """Read all files of all samples; nothing is raised for what is wrong in them."""
    facts = []
    # NOTE: decoders release the interpreter's lock; more threads only cost memory.
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for done, result in enumerate(pool.map(check_sample, samples), 1):
            facts.append(result)
            progress("check", done=done, total=len(samples), note=result.sample.name)
    return facts


def check_sample(sample: Sample) -> SampleFacts:
    """Read all files of a sample."""
    problems: list[str] = []
    image = _read(problems, read_image, sample.image)
    height, width, channels = (0, 0, 0) if image is None else image.shape
    for path in (sample.region, sample.ignored):
        if path is not None:
            _mask_facts(problems, (path,), (height, width))
    masks = _mask_facts(problems, sample.masks, (height, width))
    second = _mask_facts(problems, sample.second, (height, width))
    return SampleFacts(
        sample=sample,
        height=height,
        width=width,
        channels=channels,
        sixteen_bit=image is not None and image.dtype == np.uint16,
        masks=masks,
        second=second,
        problems=tuple(Problem(text=text, sample=sample.name) for text in problems),
    )


def _read(
    problems: list[str], read: Callable[[Path], NDArray[Any]], path: Path
) -> NDArray[Any] | None:
    try:
        return read(path)
    except DataError as error:
        problems.append(error.message)
    return None


def _mask_facts(
    problems: list[str], paths: tuple[Path, ...], size: tuple[int, int]
) -> tuple[MaskFacts, ...]:
    facts = []
    for path in paths:
        mask = _read(problems, read_mask, path)
        if mask is None:
            continue
        if size[0] and mask.shape != size:
            found = f"found {mask.shape[0]} × {mask.shape[1]}"
            wanted = f"the image's {size[0]} × {size[1]} (height × width) was wanted"
            problems.append(f"{path}: {wanted}, {found}")
        counts = _counts(mask)
        facts.append(MaskFacts(path=path, counts=counts, scattered=_scattered(mask, counts)))
    return tuple(facts)


def _counts(mask: NDArray[Any]) -> dict[int, int]:
    if mask.dtype == np.int32:
        values, counts = np.unique(mask, return_counts=True)
        return dict(zip(values.tolist(), counts.tolist(), strict=True))
    by_value = np.bincount(mask.ravel())
    return {int(value): int(by_value[value]) for value in np.flatnonzero(by_value)}


def _scattered(mask: NDArray[Any], counts: dict[int, int]) -> frozenset[int]:
    """Values other than 0 whose pixels are certainly more than one connected piece."""
    values = [value for value in counts if value != 0]
    if not 2 <= len(values) <= MOST_CLASSES:
        return frozenset()
    return frozenset(value for value in values if euler_number(mask == value) > 1)


def euler_number(region: NDArray[np.bool_]) -> int:
    """Connected pieces (8 neighbours) minus holes of a region [H, W], by counting quads.

    (Q₁ − Q₃ − 2·Q_D) / 4 over the 2 × 2 windows with one, three and two diagonal pixels:
    S. B. Gray, "Local properties of binary images in two dimensions", IEEE Trans. Computers
    C-20(5), 1971.
    """
    padded = np.pad(region, 1).astype(np.uint8)
    quads = padded[:-1, :-1] + padded[:-1, 1:] * 2 + padded[1:, :-1] * 4 + padded[1:, 1:] * 8
    patterns = np.bincount(quads.ravel(), minlength=16)
    one, three = patterns[[1, 2, 4, 8]].sum(), patterns[[7, 11, 13, 14]].sum()
    return int(one - three - 2 * patterns[[6, 9]].sum()) // 4
