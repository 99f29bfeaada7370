"""Ranges that values were seen in → the integers of an int8 program.

A value x is stored as q, 0 to 255, with x = scale · (q − zero). Weights are s8 per output channel
in [-64, 64], so that two products of a weight and a u8 fit into 16 bits on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.errors import DataError
from ccnet_edge.native.int8 import domains, zero_at_0
from ccnet_edge.native.ir import RowOp, RowProgram
from ccnet_edge.native.pack import Convolution, Weights, found_weights

LEVELS = 255
# 255 · 64 · 2 = 32640 is below 2^15.
LARGEST_WEIGHT = 64
# Biases and sums of products stay below this, so that their sum is a 32-bit number.
LARGEST_TERM = 2**29
# A result before its zero point stays below this: machines differ in what they make of larger ones.
LARGEST_RESULT = 2.0**30
# Logits are numbers in float32, whatever the weights.
LARGEST_LOGIT = 2.0**120
# A multiplier below this is 0 on machines without subnormal numbers.
LEAST_MULTIPLIER = 2.0**-100


@dataclass(frozen=True, kw_only=True)
class Range:
    """The values of a node's output: what was seen of it."""

    low: float
    high: float


# By the names of the nodes that make values: the input, and convolutions.
Ranges = Mapping[str, Range]


@dataclass(frozen=True, kw_only=True)
class Affine:
    """How values are stored: x = scale · (q − zero)."""

    scale: float
    zero: int


@dataclass(frozen=True, kw_only=True, eq=False)
class IntegerConvolution:
    """A convolution on integers: results are rint(float32(sum) · multiplier) + zero point.

    `weight` is [out, in, k, k] (of a transposed convolution too) int8, `bias` [out] int32 and
    `multiplier` [out] float32. Sums are bias + Σ weight · (q − zero) over the inputs.
    """

    weight: NDArray[np.int8]
    bias: NDArray[np.int32]
    multiplier: NDArray[np.float32]

    def __post_init__(self) -> None:
        if np.abs(self.weight.astype(np.int32)).max(initial=0) > LARGEST_WEIGHT:
            raise DataError(f"weights within ±{LARGEST_WEIGHT} were wanted")
        terms = LEVELS * LARGEST_WEIGHT * self.weight[0].size
        if max(terms, int(np.abs(self.bias.astype(np.int64)).max(initial=0))) > LARGEST_TERM:
            raise DataError(
                f"at most {LARGEST_TERM} in a bias and in the sum of products was wanted, "
                f"found {self.weight[0].size} weights for an output"
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class Quantised:
    """All numbers of an int8 program.

    Attributes:
        convolutions: by node.
        zeros: the zero point of every operator's result, 0 for the image and the logits.
        inverse: 1 / scale of the input, a float32.
    """

    convolutions: Mapping[str, IntegerConvolution]
    zeros: tuple[int, ...]
    inverse: float


def affine(seen: Range) -> Affine:
    """The scale and zero point in which a range, with 0, has the most levels.

    Jacob et al. 2018, "Quantization and training of neural networks for efficient
    integer-arithmetic-only inference", section 3. Zero is a level, since padding is zero.
    """
    low, high = min(seen.low, 0.0), max(seen.high, 0.0)
    scale = (high - low) / LEVELS
    # Nothing was ever there: any scale does.
    if not scale > np.finfo(np.float32).tiny:
        return Affine(scale=1.0, zero=0)
    return Affine(scale=scale, zero=round(-low / scale))


def quantise(program: RowProgram, weights: Weights, ranges: Ranges) -> Quantised:
    """The integers of an int8 program.

    Args:
        program: of `int8.in_int8`.
        weights: of its nodes, as for fp32.
        ranges: of the input and of every convolution but the last.

    Raises:
        DataError: weights or a range are missing, or not finite.
    """
    stored = _affines(program, ranges)
    convolutions: dict[str, IntegerConvolution] = {}
    for index, op in enumerate(program.ops):
        if op.convolves and op.node not in convolutions:
            sources = np.concatenate(
                [np.full(program.ops[s].channels, stored[s].scale) for s in op.sources]
            )
            out = 1.0 if op.kind == "logits8" else stored[index].scale
            convolutions[op.node] = _integers(op, found_weights(op, weights), sources, out)
    (first,) = {s.scale for s, op in zip(stored, program.ops, strict=True) if op.kind == "quantise"}
    return Quantised(
        convolutions=convolutions,
        zeros=tuple(each.zero for each in stored),
        inverse=float(np.float32(1.0 / first)),
    )


def _affines(program: RowProgram, ranges: Ranges) -> tuple[Affine, ...]:
    """Every operator's, equal inside a domain; that of image and logits means nothing."""
    domain, whole = domains(program), zero_at_0(program)
    seen: dict[int, list[Range]] = {}
    for index, op in enumerate(program.ops):
        seen.setdefault(domain[index], []).extend(_seen(op, ranges, positive=whole[index]))
    found = {
        leader: affine(Range(low=min(r.low for r in each), high=max(r.high for r in each)))
        if each
        else Affine(scale=1.0, zero=0)
        for leader, each in seen.items()
    }
    return tuple(found[leader] for leader in domain)


def _seen(op: RowOp, ranges: Ranges, *, positive: bool) -> Iterator[Range]:
    if op.kind not in ("quantise", "conv8", "upconv8"):
        return
    name = op.node or op.name
    if op.kind == "quantise" and name not in ranges:
        return  # it runs twice, the second time under another name
    if name not in ranges:
        raise DataError(f"a range of {name} was wanted, found those of {', '.join(sorted(ranges))}")
    found = ranges[name]
    if not (np.isfinite(found.low) and np.isfinite(found.high)):
        raise DataError(f"{name}: a finite range was wanted, found {found.low} to {found.high}")
    yield Range(low=0.0, high=found.high) if positive else found


def _integers(
    op: RowOp, convolution: Convolution, sources: NDArray[np.float64], out: float
) -> IntegerConvolution:
    """Weights in units of the inputs' scales, then of one step an output channel."""
    weight = convolution.weight.swapaxes(0, 1) if op.does == "upconv" else convolution.weight
    scaled = weight * sources[None, :, None, None]  # [out, in, k, k]
    step = np.abs(scaled).max(axis=(1, 2, 3)) / LARGEST_WEIGHT
    step = np.maximum(step, np.abs(convolution.bias) / LARGEST_TERM)
    step = np.maximum(step, out * LEAST_MULTIPLIER)
    whole = np.rint(scaled / step[:, None, None, None]).astype(np.int8)
    bias = np.rint(convolution.bias / step).astype(np.int32)
    sums = LEVELS * np.abs(whole.astype(np.int64)).sum(axis=(1, 2, 3)) + np.abs(bias)
    most = (LARGEST_LOGIT if op.kind == "logits8" else LARGEST_RESULT) / np.maximum(sums, 1)
    return IntegerConvolution(
        weight=whole,
        bias=bias,
        multiplier=np.minimum(step / out, most).astype(np.float32),
    )
