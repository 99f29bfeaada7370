"""A static memory plan: when each tensor lives, and where in one arena it lies.

A tensor lives from the step that writes it to the last step that reads it; the input lives
from the start, the logits to the end. A convolution with its normalisation and ReLU is one
step and one tensor, as every engine fuses them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ccnet_edge.cost.shapes import shapes
from ccnet_edge.spec.network import NetworkSpec


@dataclass(frozen=True, kw_only=True)
class Lifetime:
    """A tensor of `size_bytes` that is needed in the steps `first` to `last`, both included."""

    name: str
    size_bytes: int
    first: int
    last: int

    def meets(self, other: Lifetime) -> bool:
        """Both are needed in some step."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, kw_only=True)
class PlacedTensor(Lifetime):
    """A tensor with its place: bytes `offset` to `end` of the arena."""

    offset: int

    @property
    def end(self) -> int:
        """The byte after its last."""
        return self.offset + self.size_bytes


@dataclass(frozen=True, kw_only=True)
class MemoryPlan:
    """Where every tensor lies.

    `peak_bytes` is the most that is needed in one step, which no placement can go below;
    `arena_bytes` what this placement takes.
    """

    tensors: tuple[PlacedTensor, ...]
    peak_bytes: int
    arena_bytes: int


def plan_memory(spec: NetworkSpec, *, height: int, width: int, bits: int) -> MemoryPlan:
    """The memory plan of one inference at `height` × `width`, values of `bits` bits."""
    return place(lifetimes(spec, height=height, width=width, bits=bits))


def lifetimes(spec: NetworkSpec, *, height: int, width: int, bits: int) -> tuple[Lifetime, ...]:
    """Size and first and last step of every tensor, in the order in which they are written."""
    found = shapes(spec, height=height, width=width)
    last = {node.name: step for step, node in enumerate(spec.nodes)}
    for step, node in enumerate(spec.nodes):
        for name in node.inputs:
            last[name] = step
    return tuple(
        Lifetime(
            name=node.name,
            size_bytes=-(-found[node.name].values * bits // 8),
            first=step,
            last=last[node.name],
        )
        for step, node in enumerate(spec.nodes)
    )


def peak_bytes(tensors: Sequence[Lifetime]) -> int:
    """The most bytes that are needed in one step: a tensor's first step is where it can peak."""
    return max(
        (sum(o.size_bytes for o in tensors if o.first <= t.first <= o.last) for t in tensors),
        default=0,
    )


def place(tensors: Sequence[Lifetime]) -> MemoryPlan:
    """A placement without clashes, the smallest that the orders of `ORDERS` find.

    Each order places one tensor after the other at the lowest offset where it fits. Placing
    optimally is NP-hard (dynamic storage allocation); the orders reach the peak on U-shaped
    networks, and the plan says by both of its figures where they do not.
    """
    peak = peak_bytes(tensors)
    best: tuple[PlacedTensor, ...] = ()
    for order in ORDERS:
        placed = _first_fit(sorted(tensors, key=order))
        if not best or _arena(placed) < _arena(best):
            best = placed
        if _arena(best) == peak:
            break
    ordered = tuple(sorted(best, key=lambda tensor: (tensor.first, tensor.name)))
    return MemoryPlan(tensors=ordered, peak_bytes=peak, arena_bytes=_arena(best))


# Longest-lived first puts skips at the bottom as a stack; largest first is the usual greedy; most
# bytes × steps first is for scales of few channels, whose skips are no larger than the input.
ORDERS: tuple[Callable[[Lifetime], tuple[int, ...]], ...] = (
    lambda tensor: (-tensor.size_bytes, tensor.first),
    lambda tensor: (tensor.first - tensor.last, -tensor.size_bytes, tensor.first),
    lambda tensor: (tensor.first, -tensor.size_bytes),
    lambda tensor: ((tensor.first - tensor.last - 1) * tensor.size_bytes, tensor.first),
)


def _first_fit(ordered: Sequence[Lifetime]) -> tuple[PlacedTensor, ...]:
    placed: list[PlacedTensor] = []
    for tensor in ordered:
        offset = 0
        for other in sorted((p for p in placed if p.meets(tensor)), key=lambda p: p.offset):
            if other.offset - offset >= tensor.size_bytes:
                break
            offset = max(offset, other.end)
        placed.append(
            PlacedTensor(
                name=tensor.name,
                size_bytes=tensor.size_bytes,
                first=tensor.first,
                last=tensor.last,
                offset=offset,
            )
        )
    return tuple(placed)


def _arena(placed: Sequence[PlacedTensor]) -> int:
    return max((tensor.end for tensor in placed), default=0)
