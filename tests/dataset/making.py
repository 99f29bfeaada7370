"""Small data sets on disk, whose every pixel is known."""

import struct
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import settings
from numpy.typing import NDArray
from PIL import Image

from ccnet_edge.dataset import DatasetOptions, Sample, SegmentationDataset, open_dataset

HEIGHT, WIDTH = 16, 20
# Of the properties: no deadline, for a busy machine is no failure.
LAW = settings(max_examples=50, deadline=None)


def noise(seed: int = 0, channels: int = 1, dtype: Any = np.uint8) -> NDArray[Any]:
    """Random samples over the whole range of `dtype`: [H, W], or [H, W, C] with channels."""
    shape = (HEIGHT, WIDTH) if channels == 1 else (HEIGHT, WIDTH, channels)
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, shape, dtype)


def mask(rows: int = 4, value: int = 255, dtype: Any = np.uint8) -> NDArray[Any]:
    """A mask [H, W] whose first `rows` rows have `value`, the others 0."""
    pixels = np.zeros((HEIGHT, WIDTH), dtype)
    pixels[:rows] = value
    return pixels


def save(path: Path, pixels: NDArray[Any]) -> Path:
    """Write an image in the format of its name, in folders that are made for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def save_palette(
    path: Path, indices: NDArray[Any], colours: Sequence[tuple[int, int, int]]
) -> Path:
    """Write indices [H, W] of a palette."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(indices.astype(np.uint8)).convert("L")
    paletted = Image.frombytes("P", image.size, image.tobytes())
    paletted.putpalette([sample for colour in colours for sample in colour])
    paletted.save(path)
    return path


def save_png16(path: Path, pixels: NDArray[np.uint16]) -> Path:
    """Write [H, W, 3] as a PNG of 16 bits a channel, which Pillow cannot."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(pixels.shape[1], pixels.shape[0], 16, zlib.compress(rows)))
    return path


def png(width: int, height: int, bits: int, data: bytes) -> bytes:
    """A colour PNG file of what its header claims and the data that it has."""
    header = struct.pack(">IIBBBBB", width, height, bits, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def folders(root: Path, names: Iterable[str] = "abcdef", **more: NDArray[Any]) -> Path:
    """`images/NAME.png` of noise and `masks/NAME.png`; `more`: folder → the same in each file."""
    for i, name in enumerate(names):
        save(root / "images" / f"{name}.png", noise(i))
        for folder, pixels in {"masks": mask(), **more}.items():
            save(root / folder / f"{name}.png", pixels)
    return root


def table(path: Path, *rows: Sequence[str]) -> Path:
    """Write a list file: columns are separated by tabs."""
    path.write_text("".join("\t".join(row) + "\n" for row in rows))
    return path


def pairs(*names: str) -> list[tuple[str, str]]:
    """The rows of a list for images and masks that `folders` wrote."""
    return [(f"images/{name}.png", f"masks/{name}.png") for name in names]


def opened(root: Path, **options: Any) -> SegmentationDataset:
    """The data set at `root` with some options."""
    return open_dataset(root, DatasetOptions(**options))


def names(samples: Iterable[Sample]) -> list[str]:
    """Names of samples, in their order."""
    return [sample.name for sample in samples]


def named(dataset: SegmentationDataset, name: str) -> Sample:
    """The sample that has a name, in whichever split it is."""
    return next(sample for sample in dataset.samples if sample.name == name)


def masks_of(dataset: SegmentationDataset) -> dict[str, list[str]]:
    """Path of each image → those of its masks, from the data set's folder."""
    return {
        str(sample.image.relative_to(dataset.root)): [
            str(path.relative_to(dataset.root)) for path in sample.masks
        ]
        for sample in dataset.samples
    }
