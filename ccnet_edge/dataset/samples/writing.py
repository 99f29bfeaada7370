"""Write generated images and masks to a folder in the layout that every data set may have."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from PIL import Image

from ccnet_edge.dataset.samples.cells import cells
from ccnet_edge.dataset.samples.lesion import lesion
from ccnet_edge.dataset.samples.vessels import vessels
from ccnet_edge.errors import UsageError, unknown_key
from ccnet_edge.spec.serial import write_bytes, write_text

Generator = Callable[[RandomState, int], tuple[NDArray[np.uint8], NDArray[np.bool_]]]

GENERATORS: dict[str, Generator] = {"cells": cells, "lesion": lesion, "vessels": vessels}
SAMPLE_KINDS = tuple(GENERATORS)
SMALLEST, LARGEST = 32, 2048
# Every fourth image is for the test.
_TEST_SHARE = 4


def write_samples(
    folder: Path, *, kind: str = "cells", count: int = 40, size: int = 128, seed: int = 0
) -> Path:
    """Write `count` images of `size` × `size` pixels with masks, `train.txt` and `test.txt`.

    The same arguments give the same bytes; image i is the same for every count.

    Returns:
        `folder`, for `open_dataset`.

    Raises:
        UsageError: an unknown kind, a count or size that is not possible, or a folder that
            holds other files.
    """
    if kind not in GENERATORS:
        raise unknown_key("kind of sample data", kind, GENERATORS)
    if count < 8 or not SMALLEST <= size <= LARGEST:
        raise UsageError(
            f"at least 8 images of {SMALLEST} to {LARGEST} pixels were wanted, "
            f"found {count} of {size}"
        )
    names = [f"{kind}_{i:03d}" for i in range(1, count + 1)]
    lines = [f"images/{name}.png\tmasks/{name}.png\n" for name in names]
    test = lines[_TEST_SHARE - 1 :: _TEST_SHARE]
    train = "".join(line for line in lines if line not in test)
    _check_free(folder, train)
    for i, name in enumerate(names):
        image, mask = sample_image(kind, size=size, seed=seed, index=i)
        write_bytes(folder / "images" / f"{name}.png", _png(image))
        write_bytes(folder / "masks" / f"{name}.png", _png(mask.astype(np.uint8)[..., None] * 255))
    write_text(folder / "train.txt", train)
    write_text(folder / "test.txt", "".join(test))
    return folder


def sample_image(
    kind: str, *, size: int, seed: int, index: int
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """One image [size, size, C] and its mask [size, size]."""
    # NOTE: RandomState's streams are frozen for good (NEP 19); a Generator's may change.
    random = RandomState(np.array([seed & 0xFFFFFFFF, SAMPLE_KINDS.index(kind), index], np.uint32))
    return GENERATORS[kind](random, size)


def _check_free(folder: Path, train: str) -> None:
    """Refuse a folder with anything in it but the same samples."""
    there = folder / "train.txt"
    same = there.is_file() and there.read_text(encoding="utf-8") == train
    if folder.is_dir() and any(folder.iterdir()) and not same:
        raise UsageError(
            f"{folder}: the folder holds other files, which samples would mix with",
            hint="give an empty or a new folder",
        )


def _png(image: NDArray[Any]) -> bytes:
    pixels = image[..., 0] if image.shape[2] == 1 else image
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=6)
    return file.getvalue()
