"""Which skips to keep and which kernels to run: least time under a memory limit, or least memory.

Time is a model, in cycles of a processor with 16 lanes and two multiply-adds a cycle; it ranks
choices and predicts nothing else. Memory is exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ccnet_edge.native.int8 import in_int8
from ccnet_edge.native.ir import RowOp, RowProgram
from ccnet_edge.native.layout import Layout, lay_out
from ccnet_edge.native.lower import Choices, Keep, keep_skips, lower, skips_of
from ccnet_edge.native.pack import blob_bytes
from ccnet_edge.native.schedule import rings
from ccnet_edge.spec.network import NetworkSpec

Goal = Literal["time", "memory"]

# Cycles for 64 output pixels, fitted to layers measured one by one on an Ice Lake Xeon
# (benchmarks/native_layers.py): a direct 3×3 convolution reaches 70 % of 2 · 16 multiply-adds a
# cycle; F(2×2, 3×3) 75 % of its 16 / 36, and pays for its transforms by source and by output
# channel.
GROUP = 64
PER_CYCLE = 2 * 16
DIRECT_SHARE, WINOGRAD_SHARE, UP_SHARE = 0.70, 0.75, 0.65
WINOGRAD_IN, WINOGRAD_OUT = 110.0, 65.0
# Moving a value: normalising, pooling, packing.
PER_VALUE = 0.25
# Bands of rows that a library can compute at once.
MOST_BANDS = 8
# Scales whose skips may be computed twice: further down it costs more than it saves.
RECOMPUTED = 2


@dataclass(frozen=True, kw_only=True)
class EnginePlan:
    """A network's choices, with the program, the arena and the model's time that they give."""

    choices: Choices
    program: RowProgram
    layout: Layout
    stride: int
    weights_bytes: int
    cycles: float

    @property
    def memory_bytes(self) -> int:
        """Arena, weights, an 8-bit image and its mask: what an application has to hold."""
        image = self.program.ops[0]
        pixels = image.height * image.width
        return self.layout.arena_bytes + self.weights_bytes + pixels * (image.channels + 1)


def plan_engine(
    network: NetworkSpec,
    *,
    height: int,
    width: int,
    goal: Goal = "time",
    limit_bytes: int | None = None,
    weights_limit: int | None = None,
    half: bool = False,
    integer: bool = False,
) -> EnginePlan:
    """The choices of least time, or of least memory; of an int8 program where `integer`.

    With limits the fastest whose memory is at most `limit_bytes` and whose weights have at most
    `weights_limit` bytes (transformed for Winograd they have 16 / 9 as many); where none is, the
    one of least memory. `half` allows skips in fp16, which changes results by rounding.

    Raises:
        ConfigError: a size or an operator's shape that the engine does not have.
    """
    found = [
        evaluate(network, height=height, width=width, choices=choices, integer=integer)
        for choices in candidates(network, height=height, width=width, half=half)
        if not (integer and choices.winograd)
    ]
    if goal == "time":
        found.sort(key=lambda plan: (plan.cycles, plan.memory_bytes))
        fitting = [
            plan
            for plan in found
            if (limit_bytes is None or plan.memory_bytes <= limit_bytes)
            and (weights_limit is None or plan.weights_bytes <= weights_limit)
        ]
        for plan in fitting:
            full = evaluate(
                network,
                height=height,
                width=width,
                choices=plan.choices,
                bands=MOST_BANDS,
                integer=integer,
            )
            # Several bands may need a row more here and there.
            if limit_bytes is None or full.memory_bytes <= limit_bytes:
                return full
    least = min(found, key=lambda plan: (plan.memory_bytes, plan.cycles))
    return evaluate(
        network,
        height=height,
        width=width,
        choices=least.choices,
        bands=MOST_BANDS,
        integer=integer,
    )


def evaluate(
    network: NetworkSpec,
    *,
    height: int,
    width: int,
    choices: Choices,
    bands: int = 1,
    integer: bool = False,
) -> EnginePlan:
    """What choices cost, with rings for images in up to `bands` bands."""
    program = lower(network, height=height, width=width, choices=choices)
    if integer:
        program = in_int8(program)
    stride = network.output_stride
    return EnginePlan(
        choices=choices,
        program=program,
        layout=lay_out(program, stride=stride, bands=bands),
        stride=stride,
        weights_bytes=blob_bytes(program),
        cycles=program_cycles(program, stride=stride),
    )


def candidates(
    network: NetworkSpec, *, height: int, width: int, half: bool = False
) -> Iterator[Choices]:
    """Row pairs from the finest scale down to each, times the first skips computed twice."""
    direct = lower(network, height=height, width=width)
    gains = {op.name: op.scale for op in direct.ops if pays(op)}
    depths = sorted({scale + 1 for scale in gains.values()} | {0})
    skips = skips_of(network)
    for depth in depths:
        winograd = frozenset(name for name, scale in gains.items() if scale < depth)
        for again in range(min(RECOMPUTED, len(skips)) + 1):
            kept: tuple[Keep, ...] = ("fp32", "fp16") if half and again < len(skips) else ("fp32",)
            for keep in kept:
                yield Choices(skips=keep_skips(skips, again=again, rest=keep), winograd=winograd)


def pays(op: RowOp) -> bool:
    """Whether F(2×2, 3×3) applies to a direct convolution, and is the faster by the model."""
    return op.takes_pairs and _winograd(op) < _direct(op)


def program_cycles(program: RowProgram, *, stride: int) -> float:
    """The model's cycles for one image, rows that are made twice counted twice."""
    made = rings(program, stride=stride).made
    return sum(op_cycles(op) * rows / op.height for op, rows in zip(program.ops, made, strict=True))


def op_cycles(op: RowOp) -> float:
    """The model's cycles for an operator's whole map."""
    groups = op.height * op.width / GROUP
    if op.kind == "winograd":
        return groups * _winograd(op)
    if op.does == "conv":
        return groups * _direct(op)
    if op.does in ("upconv", "depthwise"):
        return op.macs / (PER_CYCLE * UP_SHARE)
    return op.height * op.width * op.channels * PER_VALUE


def _direct(op: RowOp) -> float:
    share = DIRECT_SHARE if op.stride == 1 else 1 / PER_CYCLE
    return op.weights * GROUP / (PER_CYCLE * share)


def _winograd(op: RowOp) -> float:
    products = op.in_channels * op.channels * 4 * GROUP / (PER_CYCLE * WINOGRAD_SHARE)
    return products + WINOGRAD_IN * op.in_channels + WINOGRAD_OUT * op.channels
