"""Images larger than the network's input: overlapping tiles that merge without seams.

Every output pixel is taken from a tile whose edges are at least `halo` pixels away, except
where the tile's edge is the image's own. Tiles start at multiples of the network's output
stride, so that its pooling grid falls where it falls in the whole image. With a halo of the
receptive field or more the merged result is then that of the whole image.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.errors import UsageError
from ccnet_edge.spec.network import NetworkSpec

Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True)
class Span:
    """One tile along one axis: it reads [start, stop) and gives the result in [first, last)."""

    start: int
    stop: int
    first: int
    last: int


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One tile: a span of rows and one of columns."""

    rows: Span
    columns: Span


# Operators that surround every pixel with all that the network will see of it.
WHOLE_PATCH = frozenset({"border", "patches"})


def receptive_radius(network: NetworkSpec) -> int:
    """How far from an output pixel the farthest input pixel lies that may change it.

    An upper bound over all positions on the pooling grid: a k×k convolution at scale s adds
    (k − 1)/2 · 2ˢ, a dilated one as many times more, a transposed convolution of stride t the
    t − 1 cells of its own scale by which the coarse cell that it reads reaches beyond the fine
    one; pooling adds nothing beyond the cell that it makes.
    """
    radius: dict[str, int] = {}
    for node in network.nodes:
        reach = max((radius[name] for name in node.inputs), default=0)
        cell = math.ceil(network.pixels[node.name])
        if node.op == "upconv":
            reach += cell * (node.stride - 1)
        elif node.op in WHOLE_PATCH:
            reach += node.kernel // 2
        elif node.padding == "valid" or network.grid:
            pass  # the square around the pixel holds all that it reads
        elif node.kernel and node.op != "maxpool":
            reach += (node.kernel - 1) // 2 * node.dilation * cell
        radius[node.name] = reach
    return radius[network.nodes[-1].name]


def tiles(*, height: int, width: int, tile: tuple[int, int], halo: int, stride: int) -> list[Tile]:
    """Tiles of one size that cover the image, in reading order.

    Args:
        height: of the image, a multiple of `stride`, at least the tile's.
        width: the same.
        tile: height and width of the network's input, multiples of `stride`.
        halo: pixels at a tile's inner edges whose result is not used.
        stride: the network's output stride.

    Raises:
        UsageError: sizes that are no multiples, or a halo that leaves nothing of a tile.
    """
    rows = spans(height, tile=tile[0], halo=halo, stride=stride)
    columns = spans(width, tile=tile[1], halo=halo, stride=stride)
    return [Tile(rows=row, columns=column) for row in rows for column in columns]


def spans(length: int, *, tile: int, halo: int, stride: int) -> list[Span]:
    """The tiles along one axis of `length` pixels; see `tiles`."""
    if length % stride or tile % stride or length < tile:
        raise UsageError(
            f"tiling needs an image of at least the tile's size, both multiples of {stride}; "
            f"found {length} and {tile} pixels"
        )
    if length == tile:
        return [Span(start=0, stop=tile, first=0, last=tile)]
    step = (tile - 2 * halo) // stride * stride
    if halo < 0 or step < stride:
        raise UsageError(
            f"a halo of {halo} pixels leaves nothing of a tile of {tile}",
            hint=f"a halo of 0 to {(tile - stride) // 2} pixels is possible",
        )
    starts = [*range(0, length - tile, step), length - tile]
    result: list[Span] = []
    for i, start in enumerate(starts):
        first = result[-1].last if result else 0
        last = length if i == len(starts) - 1 else start + tile - halo
        result.append(Span(start=start, stop=start + tile, first=first, last=last))
    return result


def predict_tiled(
    run: Run, x: NDArray[np.float32], *, tile: tuple[int, int], halo: int, stride: int
) -> NDArray[np.float32]:
    """Logits of an image of any size by a network that takes `tile`-sized inputs.

    An image that is smaller than a tile or no multiple of the stride is continued by
    mirroring at its right and lower edge, and the result cropped.

    Args:
        run: [1, C, *tile] float32 → [1, K, *tile] float32.
        x: [1, C, H, W] float32.

    Returns:
        [1, K, H, W] float32.
    """
    height, width = x.shape[2:]
    padded = _pad(x, [_padded(n, t, stride) for n, t in zip((height, width), tile, strict=True)])
    merged: NDArray[np.float32] | None = None
    for part in tiles(
        height=padded.shape[2], width=padded.shape[3], tile=tile, halo=halo, stride=stride
    ):
        rows, columns = part.rows, part.columns
        y = run(padded[:, :, rows.start : rows.stop, columns.start : columns.stop])
        if merged is None:
            merged = np.empty((1, y.shape[1], *padded.shape[2:]), np.float32)
        merged[:, :, rows.first : rows.last, columns.first : columns.last] = y[
            :,
            :,
            rows.first - rows.start : rows.last - rows.start,
            columns.first - columns.start : columns.last - columns.start,
        ]
    assert merged is not None  # there is at least one tile
    return merged[:, :, :height, :width]


def default_halo(network: NetworkSpec, *, tile: tuple[int, int]) -> int:
    """The receptive field, in whole strides, where a quarter of the tile holds it; else that.

    A wider halo costs time with the square: at a quarter, four pixels are computed for one.
    """
    stride = network.output_stride
    exact = -(-receptive_radius(network) // stride) * stride
    return min(exact, min(tile) // 4 // stride * stride)


def _padded(length: int, tile: int, stride: int) -> int:
    return max(tile, -(-length // stride) * stride)


def _pad(x: NDArray[np.float32], size: list[int]) -> NDArray[np.float32]:
    below, right = size[0] - x.shape[2], size[1] - x.shape[3]
    if below == right == 0:
        return x
    return np.pad(x, ((0, 0), (0, 0), (0, below), (0, right)), mode="symmetric")
