"""The demand-driven schedule, replayed: which row is made when, and so how long each ring is.

The output asks for its next row, and every operator makes rows only when it is asked. The C
executor follows the same order (`need` in ccnet.c), so that the memory found here is the
memory used there, to the byte.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from ccnet_edge.native.ir import RowOp, RowProgram


@dataclass(frozen=True, kw_only=True)
class Rings:
    """For every operator: `rows` its ring has, and how many it `made` in all."""

    rows: tuple[int, ...]
    made: tuple[int, ...]


def bands_of(height: int, stride: int, count: int) -> tuple[tuple[int, int], ...]:
    """The output's rows [first, last) of `count` bands, at multiples of `stride`."""
    cells = height // stride
    edges = [cells * band // count * stride for band in range(count + 1)]
    return tuple(pairwise(edges))


def steps(program: RowProgram, first: int, last: int) -> list[tuple[int, int]]:
    """Operator and first row of every step that makes the output's rows [first, last), in order."""
    ops, asked = program.ops, program.asked
    next_row = list(program.starts(first))
    order: list[tuple[int, int]] = []

    def need(index: int, row: int) -> None:
        op = ops[index]
        while next_row[index] <= row:
            at = next_row[index]
            until = op.reads(at)[1]
            for source in asked[index]:
                need(source, min(until, ops[source].height - 1))
            if next_row[index] != at:
                continue  # a source has pushed it
            order.append((index, at))
            next_row[index] += op.step
            for pushed in op.pushes:
                if all(next_row[part] >= next_row[index] for part in ops[pushed].sources):
                    need(pushed, next_row[index] - 1)

    need(len(ops) - 1, last - 1)
    return order


def rings(program: RowProgram, *, stride: int, bands: int = 1) -> Rings:
    """The shortest rings that hold every row until its last reader has run.

    Long enough for an image in one band, in two, and so on up to `bands`; `made` is for one.
    They depend on the operators' heights and kernels alone, not on widths and channels.
    """
    shape = RowProgram(ops=tuple(_without_width(op) for op in program.ops))
    height = program.ops[-1].height
    found = [
        _rings(shape, first, last)
        for count in range(1, bands + 1)
        for first, last in bands_of(height, stride, count)
        if first < last
    ]
    rows = tuple(max(column) for column in zip(*(each.rows for each in found), strict=True))
    return Rings(rows=rows, made=found[0].made)


def _without_width(op: RowOp) -> RowOp:
    return replace(op, name="", node="", channels=0, in_channels=0, width=0, relu=False)


@lru_cache(maxsize=1024)
def _rings(program: RowProgram, first: int, last: int) -> Rings:
    ops, readers = program.ops, program.readers
    next_row = list(program.starts(first))
    rows, made = [1] * len(ops), [0] * len(ops)
    order = steps(program, first, last)
    final = dict(order)  # an operator's last step; some stop before their last row
    for index, at in order:
        op = ops[index]
        # While rows [at, at + step) are written, every row that a reader has yet to read lives.
        waiting = [r for r in readers[index] if next_row[r] <= final.get(r, -1)]
        low = min((max(0, ops[r].reads(next_row[r])[0]) for r in waiting), default=at)
        rows[index] = max(rows[index], at + op.step - min(low, at))
        next_row[index] = at + op.step
        made[index] += op.step
    return Rings(rows=tuple(rows), made=tuple(made))
