"""A picture at every scale: shrunk by 2ˢ and enlarged again to the size it is measured at."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ccnet_edge.complexity import lanes
from ccnet_edge.complexity.lanes import Packed, Scratch, Taps
from ccnet_edge.device.imaging.resize import FILTERS
from ccnet_edge.spec.complexity import JpegDefinition

# Lanes take about 50 bytes a pixel, for each worker; larger pictures are left to Pillow.
MAX_LANE_PIXELS = 2**22


def rescaled(
    picture: NDArray[np.uint8],
    definition: JpegDefinition,
    *,
    size: tuple[int, int],
    scales: int,
    scratch: Scratch,
) -> Iterator[Image.Image]:
    """`picture` resized to `size`, then for s = 1 … shrunk by 2ˢ and enlarged (CC21 eq. 2).

    The pixels are those of `PIL.Image.resize`, whichever of the two ways made them. An image
    is valid until the next one is taken.

    Args:
        picture: [H, W] or [H, W, 3] uint8.
        size: height and width.
    """
    if _lanes_serve(definition, size, scales):
        return _in_lanes(picture, definition, size, scales, scratch)
    return _by_pillow(picture, definition, size, scales)


def coarse_size(size: tuple[int, int], scale: int) -> tuple[int, int]:
    """`size` subsampled by 2^scale, a part of a step counted as one."""
    return -(-size[0] // 2**scale), -(-size[1] // 2**scale)


@lru_cache(maxsize=64)
def box_taps(length: int, wanted: int) -> Taps | None:
    """Which samples of `length` Pillow's box filter averages for each of `wanted`.

    The arithmetic is `precompute_coeffs` of Pillow's Resample.c, in the same doubles.

    Returns:
        First and last index for each output, or None where some output averages more than two.
    """
    scale = length / wanted
    support = max(scale, 1.0) / 2
    centre = (np.arange(wanted) + 0.5) * scale
    first = np.maximum((centre - support + 0.5).astype(np.intp), 0)
    last = np.minimum((centre + support + 0.5).astype(np.intp), length) - 1
    # The filter itself is open at −1/2 and closed at 1/2.
    first += (first - centre + 0.5) / (2 * support) <= -0.5
    last -= (last - centre + 0.5) / (2 * support) > 0.5
    return (first, last) if bool((last - first <= 1).all()) else None


def _lanes_serve(definition: JpegDefinition, size: tuple[int, int], scales: int) -> bool:
    coarsest = 2 ** (scales - 1)
    return (
        (definition.down, definition.up) == ("box", "bilinear")
        and scales - 1 <= lanes.MAX_SCALE
        and size[0] % coarsest == 0
        and size[1] % coarsest == 0
        and size[0] * size[1] <= MAX_LANE_PIXELS
        and _along_rows_first(size, (0, 0))
    )


def _along_rows_first(size: tuple[int, int], wanted: tuple[int, int]) -> bool:
    """Whether every Pillow filters along rows before columns, as is done in lanes.

    NOTE: the order shows where both round. Newer ones take columns first where the height loses
    more than twice what the width loses, older ones never.
    """
    return size[0] - wanted[0] <= 2 * (size[1] - wanted[1])


def _by_pillow(
    picture: NDArray[np.uint8],
    definition: JpegDefinition,
    size: tuple[int, int],
    scales: int,
) -> Iterator[Image.Image]:
    image = _resized(picture, definition, size)
    yield image
    for s in range(1, scales):
        small = image.resize(coarse_size(size, s)[::-1], FILTERS[definition.down])
        yield small.resize(size[::-1], FILTERS[definition.up])


def _in_lanes(
    picture: NDArray[np.uint8],
    definition: JpegDefinition,
    size: tuple[int, int],
    scales: int,
    scratch: Scratch,
) -> Iterator[Image.Image]:
    packed = _fitted(picture, definition, size, scratch)
    yield _as_image(packed.view(np.uint8), size)
    words = lanes.widen(packed, scratch)
    for s, level in enumerate(lanes.shrink(words, scales, scratch), start=1):
        yield _as_image(lanes.enlarge(level, s, scratch), size)


def _fitted(
    picture: NDArray[np.uint8], definition: JpegDefinition, size: tuple[int, int], scratch: Scratch
) -> Packed:
    """`picture` at `size`."""
    height, width = picture.shape[:2]
    rows, columns = box_taps(height, size[0]), box_taps(width, size[1])
    in_pairs = definition.resize == "box" and _along_rows_first((height, width), size)
    if not in_pairs or rows is None or columns is None:
        return _packed(_resized(picture, definition, size))
    return lanes.average(lanes.pack(picture, scratch), rows, columns, scratch)


def _resized(
    picture: NDArray[np.uint8], definition: JpegDefinition, size: tuple[int, int]
) -> Image.Image:
    image = Image.fromarray(np.ascontiguousarray(picture))
    return image.resize(size[::-1], FILTERS[definition.resize])


def _packed(image: Image.Image) -> Packed:
    if image.mode == "L":
        return np.asarray(image)
    pixels = np.frombuffer(image.tobytes("raw", "RGBX"), np.uint32)
    return pixels.reshape(image.height, image.width)


def _as_image(samples: NDArray[np.uint8], size: tuple[int, int]) -> Image.Image:
    """An image over the memory of `samples` [H, W] or [H, W · 4], without a copy."""
    mode = "L" if samples.shape[1] == size[1] else "RGBX"
    return Image.frombuffer(mode, size[::-1], samples, "raw", mode, 0, 1)
