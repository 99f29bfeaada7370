"""An int8 program computed on whole maps with numpy's integers: what the C side has to give."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.native.ir import RowOp, RowProgram
from ccnet_edge.native.quantise import IntegerConvolution, Quantised
from ccnet_edge.spec.artifact import Preprocessing

Whole = NDArray[np.int64]


def integer_logits(
    program: RowProgram, quantised: Quantised, x: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Logits [1, outputs, H, W] of a normalised image [1, C, H, W]."""
    values: list[Whole] = []
    for index, op in enumerate(program.ops):
        zero = quantised.zeros[index][:, None, None]
        if op.kind == "image":
            values.append(np.zeros((0, 0, 0), np.int64))
        elif op.kind == "quantise":
            values.append(to_bytes(x[0] * quantised.inverses[:, None, None], zero=zero, least=0))
        elif op.kind == "maxpool8":
            values.append(pooled(op, np.concatenate([values[s] for s in op.sources])))
        else:
            parts = [values[s] - quantised.zeros[s][:, None, None] for s in op.sources]
            sums = summed(op, quantised.convolutions[op.node], np.concatenate(parts))
            assert np.abs(sums).max() < 2**31
            rescaled = (
                sums.astype(np.float32) * quantised.convolutions[op.node].multiplier[:, None, None]
            )
            if op.kind == "logits8":
                return rescaled[None]
            values.append(to_bytes(rescaled, zero=zero, least=zero if op.relu else 0))
    raise AssertionError("no logits")


def to_bytes(value: NDArray[np.float32], *, zero: Whole, least: Whole | int) -> Whole:
    """The nearest whole number, ties to even, above the zero point and clamped."""
    assert value.dtype == np.float32
    found: Whole = np.clip(np.rint(value).astype(np.int64) + zero, least, 255)
    return found


def summed(op: RowOp, convolution: IntegerConvolution, x: Whole) -> Whole:
    """bias + Σ weight · (q − zero), [out, H, W]; outside of the image q is zero."""
    weight = convolution.weight.astype(np.int64)  # [out, in, k, k]
    sums = np.zeros((op.channels, op.height, op.width), np.int64)
    sums += convolution.bias.astype(np.int64)[:, None, None]
    reach, k, step = op.kernel // 2, op.kernel, op.stride
    if op.kind == "upconv8":
        for ky in range(k):
            for kx in range(k):
                sums[:, ky::k, kx::k] += np.einsum("oi,ihw->ohw", weight[:, :, ky, kx], x)
        return sums
    padded = np.pad(x, ((0, 0), (reach, reach), (reach, reach)))
    for ky in range(k):
        for kx in range(k):
            seen = padded[:, ky : ky + op.height * step : step, kx : kx + op.width * step : step]
            sums += np.einsum("oi,ihw->ohw", weight[:, :, ky, kx], seen)
    return sums


def pooled(op: RowOp, x: Whole) -> Whole:
    """The largest of every cell."""
    cells = x.reshape(len(x), op.height, op.stride, op.width, op.stride)
    largest: Whole = cells.max(axis=(2, 4))
    return largest


def normalised(pixels: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """[H, W, C] samples as [1, C, H, W], one float32 operation after the other."""
    most = np.float32(np.iinfo(pixels.dtype).max)
    mean = np.array(preprocessing.mean, np.float32)
    std = np.array(preprocessing.std, np.float32)
    x: NDArray[np.float32] = (pixels.astype(np.float32) / most - mean) / std
    return np.ascontiguousarray(x.transpose(2, 0, 1)[None])
