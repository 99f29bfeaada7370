"""An independent check of a schedule: replays it in a memory of labelled slots.

It shares no code with schedule.py or layout.py: what a step reads follows from the operator's
kind alone, and whether a row is still there is looked up where the C code would read it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from ccnet_edge.native.ir import RowOp, RowProgram


@dataclass(frozen=True, kw_only=True)
class Clash:
    """A step that would not have read what it should, or would write where it may not."""

    op: str
    row: int
    what: str


def check_schedule(
    program: RowProgram,
    order: Iterable[tuple[int, int]],
    *,
    ring_rows: tuple[int, ...],
    ring_offsets: tuple[int, ...],
    rows: range,
) -> tuple[Clash, ...]:
    """Every clash of a schedule; none for one that computes `rows` of the output.

    Args:
        order: operator and first row of every step, as the executor takes them.
        ring_rows: rows of each operator's ring.
        ring_offsets: bytes from the band's begin to each ring.
        rows: of the output, that have to be there, each when it was just made.
    """
    clashes = list(_overlaps(program, ring_rows, ring_offsets))
    slots: dict[tuple[int, int], int] = {}
    delivered: list[int] = []
    last = len(program.ops) - 1
    for index, at in order:
        op = program.ops[index]
        for source, row in _wanted(program, op, at):
            if program.ops[source].kind == "image":
                continue
            found = slots.get((source, row % ring_rows[source]))
            if found != row:
                name = program.ops[source].name
                clashes.append(
                    Clash(op=op.name, row=at, what=f"row {row} of {name} wanted, found {found}")
                )
        for row in range(at, at + op.step):
            slots[index, row % max(1, ring_rows[index])] = row
        if op.step > ring_rows[index]:
            clashes.append(Clash(op=op.name, row=at, what="its ring is shorter than its step"))
        if index == last:
            delivered += range(at, at + op.step)
    missing = sorted(set(rows) - set(delivered))
    if missing:
        clashes.append(Clash(op=program.ops[last].name, row=missing[0], what="never made"))
    return tuple(clashes)


def _wanted(program: RowProgram, op: RowOp, at: int) -> Iterator[tuple[int, int]]:
    """Source rows that a step reads, by what its kind computes."""
    for row in range(at, at + op.step):
        for source in op.sources:
            if op.kind in ("conv", "winograd", "depthwise", "conv8", "logits8"):
                wanted = [row * op.stride + k - op.kernel // 2 for k in range(op.kernel)]
            elif op.kind in ("maxpool", "maxpool8"):
                wanted = [row * op.stride + k for k in range(op.stride)]
            elif op.kind in ("upconv", "upconv8"):
                wanted = [row // op.up]
            else:
                wanted = [row]
            for each in wanted:
                if 0 <= each < program.ops[source].height:
                    yield source, each


def _overlaps(
    program: RowProgram, ring_rows: tuple[int, ...], ring_offsets: tuple[int, ...]
) -> Iterator[Clash]:
    spans = sorted(
        (ring_offsets[i], ring_offsets[i] + op.row_bytes * ring_rows[i], op.name)
        for i, op in enumerate(program.ops)
        if op.row_bytes
    )
    for (_, end, name), (begin, _, other) in pairwise(spans):
        if begin < end:
            yield Clash(op=other, row=0, what=f"its ring begins inside that of {name}")
