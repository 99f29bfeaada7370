"""The row IR: a network as operators that make rows of their output from rows of their sources.

Every operator keeps a ring of rows and knows which rows of its sources one of its own rows
reads: a halo (convolutions), a stride ratio (pooling, transposed convolutions), or the row of
the same number (sums). Concatenation is no operator: a convolution reads several sources.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal[
    "image", "normalise", "conv", "winograd", "depthwise", "upconv", "maxpool", "add", "half",
    "float",
    "quantise", "conv8", "upconv8", "maxpool8", "logits8",
]  # fmt: skip
# What a kind of an int8 program does, and what stores its rows as bytes, four channels a cell.
PLAIN: dict[Kind, Kind] = {
    "quantise": "normalise",
    "conv8": "conv",
    "upconv8": "upconv",
    "maxpool8": "maxpool",
    "logits8": "conv",
}
BYTES = frozenset({"quantise", "conv8", "upconv8", "maxpool8"})
QUAD = 4
# Kinds that read beside their own place.
SWEEPING = frozenset({"conv", "winograd", "depthwise"})

# Rows are padded to whole vectors of the widest machine (16 float32, 64 bytes), so that the
# layout is the same everywhere.
LANES = 16


@dataclass(frozen=True, kw_only=True)
class RowOp:
    """One operator on rows.

    A row is `channels` planes of `width` values, each plane followed by zeros up to `pitch`.
    `sources` are positions in the program; their channels stand one after the other, but in a
    sum, where each has all. A depthwise convolution has one channel in. `step` is how many rows
    are made at once (2 for Winograd's row pairs). `node` is the network's node whose weights it
    uses. An operator in `pushes` makes its row as soon as this one has.
    """

    name: str
    kind: Kind
    channels: int
    height: int
    width: int
    sources: tuple[int, ...] = ()
    in_channels: int = 0
    kernel: int = 1
    stride: int = 1
    up: int = 1
    relu: bool = False
    step: int = 1
    halo: int = 1
    scale: int = 0
    node: str = ""
    pushes: tuple[int, ...] = ()

    @property
    def pitch(self) -> int:
        """Values from one plane of a row to the next; at least `halo` of them are zeros."""
        return -(-(self.width + self.halo) // LANES) * LANES

    @property
    def does(self) -> Kind:
        """Its kind, whatever its values are stored in."""
        return PLAIN.get(self.kind, self.kind)

    @property
    def planes(self) -> int:
        """Planes of a row: one a channel, or in int8 one for four channels."""
        return -(-self.channels // QUAD) if self.kind in BYTES else self.channels

    @property
    def cell_bytes(self) -> int:
        """Bytes of a plane's cell: a stored value, or four of one byte."""
        return 2 if self.kind == "half" else 4

    @property
    def row_bytes(self) -> int:
        """Bytes of one row of the ring; 0 for the image, which is the caller's."""
        return 0 if self.kind == "image" else self.planes * self.pitch * self.cell_bytes

    @property
    def weights(self) -> int:
        """Convolution weights, without biases, before any transform."""
        return self.in_channels * self.channels * self.kernel**2 if self.convolves else 0

    @property
    def macs(self) -> int:
        """Multiply-adds of the whole map, computed directly."""
        return self.weights * self.height * self.width // self.up**2

    @property
    def takes_pairs(self) -> bool:
        """Whether F(2×2, 3×3) applies: 3×3, stride 1, and even sizes."""
        even = self.height % 2 == 0 and self.width % 2 == 0
        return self.kind == "conv" and self.kernel == 3 and self.stride == 1 and even

    @property
    def convolves(self) -> bool:
        """It has weights."""
        return self.does in ("conv", "winograd", "depthwise", "upconv")

    def reads(self, row: int) -> tuple[int, int]:
        """First and last row of each source that output rows [row, row + step) read.

        Not clipped: rows outside of the source are zeros.
        """
        last = row + self.step - 1
        if self.does in SWEEPING:
            reach = self.kernel // 2
            return row * self.stride - reach, last * self.stride + reach
        if self.does == "maxpool":
            return row * self.stride, last * self.stride + self.stride - 1
        return row // self.up, last // self.up


@dataclass(frozen=True, kw_only=True)
class RowProgram:
    """Operators in topological order; the first is the image, the last makes the logits."""

    ops: tuple[RowOp, ...]

    @property
    def integer(self) -> bool:
        """It computes in int8."""
        return any(op.kind in BYTES for op in self.ops)

    @property
    def readers(self) -> tuple[tuple[int, ...], ...]:
        """For every operator, the operators that read its rows."""
        found: list[list[int]] = [[] for _ in self.ops]
        for index, op in enumerate(self.ops):
            for source in dict.fromkeys(op.sources):
                found[source].append(index)
        return tuple(tuple(readers) for readers in found)

    @property
    def asked(self) -> tuple[tuple[int, ...], ...]:
        """For every operator, its sources in the order in which it asks them for rows.

        The one with the longest way from the image first: it asks most of the others on its
        own way, and they do not run ahead of it.
        """
        depth: list[int] = []
        for op in self.ops:
            depth.append(1 + max((depth[source] for source in op.sources), default=0))
        return tuple(
            tuple(sorted(dict.fromkeys(op.sources), key=lambda source: -depth[source]))
            for op in self.ops
        )

    def starts(self, row: int) -> tuple[int, ...]:
        """For every operator, the first row that the output's rows from `row` on need.

        A multiple of the operator's step, so that row pairs are the same pairs wherever a band
        of rows begins.
        """
        first = [op.height for op in self.ops]
        first[-1] = row
        for index in range(len(self.ops) - 1, -1, -1):
            op = self.ops[index]
            first[index] -= first[index] % op.step
            for source in op.sources:
                first[source] = min(first[source], max(0, op.reads(first[index])[0]))
        return tuple(first)


def with_halos(ops: list[RowOp]) -> tuple[RowOp, ...]:
    """The operators with as many zeros beside their rows as the widest convolution reaches.

    NOTE: the same number for all. What stands before the first row of a ring are the last zeros
    of another ring, whichever it is; and rows are packed to fp16 with their zeros, so that both
    have one pitch.
    """
    reach = max((op.kernel // 2 for op in ops if op.kind in SWEEPING), default=0)
    return tuple(replace(op, halo=max(op.halo, reach)) for op in ops)
