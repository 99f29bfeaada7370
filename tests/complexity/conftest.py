"""A plain Pillow loop to compare with, and a small data set."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ccnet_edge.dataset import SegmentationDataset, open_dataset
from ccnet_edge.spec.complexity import JpegDefinition

Figures = Callable[..., list[float]]
FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def plain_sizes(
    picture: NDArray[np.uint8], definition: JpegDefinition, height: int, width: int, scales: int
) -> list[int]:
    """JPEG bytes by scale of one 8-bit picture, as anyone would write it with Pillow."""
    image = Image.fromarray(picture).resize((width, height), FILTERS[definition.resize])
    sizes = []
    for s in range(scales):
        scaled = image
        if s > 0:
            coarse = (-(-width // 2**s), -(-height // 2**s))
            scaled = image.resize(coarse, FILTERS[definition.down])
            scaled = scaled.resize((width, height), FILTERS[definition.up])
        file = io.BytesIO()
        scaled.save(file, "JPEG", quality=definition.quality, subsampling=definition.subsampling)
        sizes.append(len(file.getvalue()))
    return sizes


def noise(*shape: int, dtype: Any = np.uint8, seed: int = 0) -> NDArray[Any]:
    """An image of random samples over the whole range of `dtype`."""
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, shape, dtype)


@pytest.fixture
def dataset(tmp_path: Path) -> SegmentationDataset:
    """Eight colour images of 48 × 64; the foreground of each is wider than that of the last."""
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    names = [f"{i:02}.png" for i in range(8)]
    for i, name in enumerate(names):
        Image.fromarray(noise(48, 64, 3, seed=i)).save(tmp_path / "images" / name)
        mask = np.zeros((48, 64), np.uint8)
        mask[:16, : 8 * (i + 1)] = 255
        Image.fromarray(mask).save(tmp_path / "masks" / name)
    lines = [f"images/{name}\tmasks/{name}\n" for name in names]
    (tmp_path / "train.txt").write_text("".join(lines[:6]))
    (tmp_path / "test.txt").write_text("".join(lines[6:]))
    return open_dataset(tmp_path)
