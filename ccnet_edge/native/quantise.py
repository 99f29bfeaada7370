"""Ranges that values were seen in → the integers of an int8 program.

A value x of a channel is stored as q, 0 to 255, with x = scale · (q − zero) + offset. Weights are
s8 per output channel in [-64, 64], so that two products of a weight and a u8 fit into 16 bits on
every machine.

NOTE: every channel has a scale of its own, at no cost: what makes it multiplies each channel by a
number anyway, and what reads it has the scales in its weights (Nagel et al. 2019, "Data-free
quantization through weight equalization and bias correction", equation 6).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.errors import DataError
from ccnet_edge.native.int8 import domains, zero_at_0
from ccnet_edge.native.ir import QUAD, RowOp, RowProgram
from ccnet_edge.native.pack import Convolution, Weights, found_weights
from ccnet_edge.native.rounding import Moments, nearest, together
from ccnet_edge.spec.artifact import Preprocessing

LEVELS = 255
# 255 · 64 · 2 = 32640 is below 2^15.
LARGEST_WEIGHT = 64
# Biases and sums of products stay below this, so that their sum is a 32-bit number.
LARGEST_TERM = 2**29
# A result before its zero point stays below this: machines differ in what they make of larger ones.
LARGEST_RESULT = 2.0**30
# Logits are numbers in float32, whatever the weights.
LARGEST_LOGIT = 2.0**120
# A scale below this is one of nothing.
LEAST_SCALE = 1e-30
# A multiplier below this is 0 on machines without subnormal numbers.
LEAST_MULTIPLIER = 2.0**-100


@dataclass(frozen=True, kw_only=True)
class Range:
    """The values of a node's output: what was seen of it."""

    low: float
    high: float


# By the names of the nodes that make values, the input and convolutions: one a channel.
Ranges = Mapping[str, tuple[Range, ...]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """What calibration has seen: ranges of values, and moments of what convolutions read."""

    ranges: Ranges
    moments: Mapping[str, Moments] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class Stored:
    """How the channels of a value are stored: x = scale · (q − zero) + offset, [C] each.

    Only the input has other zeros in other channels, and offsets that are not 0.
    """

    scales: NDArray[np.float64]
    zeros: NDArray[np.int64]
    offsets: NDArray[np.float64]


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
        zeros: the zero points of every operator's channels, 0 for the image and the logits.
        inverses: 1 / scale of the input's channels, [C] float32.
    """

    convolutions: Mapping[str, IntegerConvolution]
    zeros: tuple[NDArray[np.int64], ...]
    inverses: NDArray[np.float32]


def store(seen: Sequence[Range]) -> Stored:
    """Scales and a zero point in which channels' ranges, with 0, have most levels.

    Jacob et al. 2018, "Quantization and training of neural networks for efficient
    integer-arithmetic-only inference", section 3. Zero is a level, since padding is zero; the
    one whose scales have the least sum of squares, to which the squared error is proportional.
    """
    low = np.array([min(each.low, 0.0) for each in seen])
    high = np.array([max(each.high, 0.0) for each in seen])
    zeros = np.arange(LEVELS + 1)[:, None]
    below = np.divide(-low, zeros, out=np.where(low < 0, np.inf, 0 * zeros), where=zeros > 0)
    above = np.divide(
        high, LEVELS - zeros, out=np.where(high > 0, np.inf, 0 * zeros), where=zeros < LEVELS
    )
    scales = np.maximum(below, above)  # [256, C]
    zero = int(np.argmin((scales**2).sum(axis=1)))
    return Stored(
        scales=_alive(scales[zero]), zeros=np.full(len(low), zero), offsets=np.zeros(len(low))
    )


def _alive(scales: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where nothing was ever seen in a channel, a small scale; in none, any scale does."""
    largest = scales.max()
    return np.maximum(scales, largest / LEVELS) if largest > LEAST_SCALE else np.ones_like(scales)


def store_input(seen: Sequence[Range], samples: Preprocessing | None) -> Stored:
    """The input's channels by themselves; 8-bit samples as the numbers that they are.

    What normalised samples are is known: x = (sample / 255 − mean) / std. The middle of their
    levels is no whole number, so that 0 lies between two; the rest is an offset.

    NOTE: channels with the same place in their cells share a zero point, since what stands
    behind a plane stands before the next.
    """
    scales, zeros = np.zeros(len(seen)), np.zeros(len(seen), np.int64)
    for place in range(min(QUAD, len(seen))):
        same = store(seen[place::QUAD])
        scales[place::QUAD], zeros[place::QUAD] = same.scales, same.zeros
    found = Stored(scales=scales, zeros=zeros, offsets=np.zeros(len(seen)))
    if samples is None or samples.maximum != LEVELS or len(seen) > QUAD:
        return found
    scales = 1.0 / (LEVELS * np.array(samples.std))
    middles = LEVELS * np.array(samples.mean)
    zeros = np.rint(middles).astype(np.int64)
    low, high = scales * (-0.5 - middles), scales * (LEVELS + 0.5 - middles)
    # Something else than images was shown, or means that no image has.
    if any(each.low < a or each.high > b for each, a, b in zip(seen, low, high, strict=True)):
        return found
    return Stored(scales=scales, zeros=zeros, offsets=scales * (zeros - middles))


def quantise(
    program: RowProgram, weights: Weights, seen: Seen, samples: Preprocessing | None = None
) -> Quantised:
    """The integers of an int8 program.

    Args:
        program: of `int8.in_int8`.
        weights: of its nodes, as for fp32.
        seen: ranges of the input and of every convolution but the last; without moments weights
            are rounded each by itself.
        samples: how the input was made from samples, where it was.

    Raises:
        DataError: weights or a range are missing, or not finite.
    """
    stored = _stored(program, seen.ranges, samples)
    convolutions: dict[str, IntegerConvolution] = {}
    for index, op in enumerate(program.ops):
        if op.convolves and op.node not in convolutions:
            sources = [stored[source] for source in op.sources]
            out = np.ones(op.channels) if op.kind == "logits8" else stored[index].scales
            moments = seen.moments.get(op.node)
            convolutions[op.node] = _integers(op, found_weights(op, weights), sources, out, moments)
    first = next(s for s, op in zip(stored, program.ops, strict=True) if op.kind == "quantise")
    return Quantised(
        convolutions=convolutions,
        zeros=tuple(each.zeros for each in stored),
        inverses=(1.0 / first.scales).astype(np.float32),
    )


def _stored(
    program: RowProgram, ranges: Ranges, samples: Preprocessing | None
) -> tuple[Stored, ...]:
    """Every operator's, equal inside a domain; that of image and logits means nothing."""
    positive, found = zero_at_0(program), dict[int, Stored]()
    domain = domains(program)
    for index, (op, leader) in enumerate(zip(program.ops, domain, strict=True)):
        if leader in found:
            continue
        if op.kind == "quantise":
            found[leader] = store_input(_seen(op, ranges), samples)
        elif op.kind in ("conv8", "upconv8"):
            seen = _seen(op, ranges)
            low = [0.0 if positive[index] else each.low for each in seen]
            found[leader] = store(
                [Range(low=a, high=each.high) for a, each in zip(low, seen, strict=True)]
            )
        else:
            found[leader] = store([Range(low=0.0, high=0.0)] * op.channels)
    return tuple(found[leader] for leader in domain)


def _seen(op: RowOp, ranges: Ranges) -> tuple[Range, ...]:
    name = op.node or op.name
    if name not in ranges:
        raise DataError(f"a range of {name} was wanted, found those of {', '.join(sorted(ranges))}")
    found = ranges[name]
    if len(found) != op.channels:
        raise DataError(f"{name}: ranges of {op.channels} channels were wanted, found {len(found)}")
    if not all(np.isfinite(each.low) and np.isfinite(each.high) for each in found):
        raise DataError(f"{name}: finite ranges were wanted, found {found}")
    return found


def _integers(
    op: RowOp,
    convolution: Convolution,
    sources: Sequence[Stored],
    out: NDArray[np.float64],
    moments: Moments | None,
) -> IntegerConvolution:
    """Weights in units of the inputs' scales, then of one step an output channel."""
    scales = np.concatenate([each.scales for each in sources])
    offsets = np.concatenate([each.offsets for each in sources])
    weight = convolution.weight.swapaxes(0, 1) if op.does == "upconv" else convolution.weight
    scaled = weight * scales[None, :, None, None]  # [out, in, k, k]
    biases = convolution.bias
    if op.does != "upconv":
        biases = biases + (weight.sum(axis=(2, 3)) * offsets).sum(axis=1)
    step = np.abs(scaled).max(axis=(1, 2, 3)) / LARGEST_WEIGHT
    step = np.maximum(step, np.abs(biases) / LARGEST_TERM)
    step = np.maximum(step, out * LEAST_MULTIPLIER)
    exact = scaled / step[:, None, None, None]
    whole, shift = _rounded(op, exact, scales, offsets, moments)
    bias = np.clip(np.rint(biases / step + shift), -LARGEST_TERM, LARGEST_TERM).astype(np.int32)
    sums = LEVELS * np.abs(whole.astype(np.int64)).sum(axis=(1, 2, 3)) + np.abs(bias)
    most = (LARGEST_LOGIT if op.kind == "logits8" else LARGEST_RESULT) / np.maximum(sums, 1)
    return IntegerConvolution(
        weight=whole,
        bias=bias,
        multiplier=np.minimum(step / out, most).astype(np.float32),
    )


def _rounded(
    op: RowOp,
    exact: NDArray[np.float64],
    scales: NDArray[np.float64],
    offsets: NDArray[np.float64],
    moments: Moments | None,
) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Weights [out, in, k, k] in steps → whole ones, and what their errors add to a bias.

    The mean of results stays what it was (Nagel et al. 2019, section 4.2.1).
    """
    if moments is None:
        return nearest(exact, LARGEST_WEIGHT).astype(np.int8), np.zeros(len(exact))
    apart = op.does == "upconv"  # every tap is a result of its own
    order = (0, 2, 3, 1) if apart else (0, 1, 2, 3)
    shape = exact.transpose(order).shape
    rows = exact.transpose(order).reshape(-1, shape[3] if apart else int(np.prod(shape[1:])))
    times = 1 if apart else op.kernel**2
    units, middles = np.repeat(scales, times), np.repeat(offsets, times)
    if moments.covariance is None:
        whole = nearest(rows, LARGEST_WEIGHT)
    else:
        covariance = moments.covariance / np.outer(units, units)
        whole = together(rows, covariance, LARGEST_WEIGHT)
    shift = (rows - whole) @ ((moments.mean - middles) / units)
    back = np.argsort(order)
    return (
        whole.reshape(shape).transpose(back).astype(np.int8),
        shift.reshape(len(exact), -1).mean(axis=1),
    )
