"""The blob of an int8 program: words of four bytes, in the order in which kernels read them."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.native.int8 import HEAD
from ccnet_edge.native.ir import QUAD, RowOp, RowProgram
from ccnet_edge.native.pack import HEADER_BYTES, blob_bytes, header
from ccnet_edge.native.quantise import IntegerConvolution, Quantised

Number = TypeVar("Number", bound=np.generic)
# Machines that multiply signed bytes take activations − 128.
SHIFT = 128


def pack_int8(program: RowProgram, quantised: Quantised) -> bytes:
    """The blob of a program: kind, checksum, then a head of four words and weights by operator."""
    parts: list[bytes] = []
    seen: set[str] = set()
    for index, op in enumerate(program.ops):
        if op.kind == "image" or (op.node and op.node in seen):
            continue
        seen.add(op.node)
        zeros = quantised.zeros[index]
        parts.append(_head(op, int(zeros[0])))
        if not op.convolves:
            parts.append(_by_place(zeros).astype("<i4").tobytes())
        if op.kind == "quantise":
            parts.append(_to_quads(quantised.inverses).astype("<f4").tobytes())
        if op.convolves:
            sources = [quantised.zeros[source] for source in op.sources]
            parts.append(_weights(op, quantised.convolutions[op.node], sources))
    payload = b"".join(parts)
    payload += bytes(blob_bytes(program) - HEADER_BYTES - len(payload))
    return header(program, payload) + payload


def _head(op: RowOp, zero: int) -> bytes:
    words = np.zeros(HEAD, "<i4")
    if op.kind in ("conv8", "upconv8"):
        words[0] = zero
        words[1] = zero if op.relu else 0
    return words.tobytes()


def _by_place(zeros: NDArray[np.int64]) -> NDArray[np.int64]:
    """Up to whole quads, with the first quad's: what ends a row stands before the next one."""
    padded = _to_quads(zeros)
    padded[len(zeros) :] = padded[len(zeros) % QUAD : QUAD] if len(zeros) % QUAD else 0
    return padded


def _weights(op: RowOp, convolution: IntegerConvolution, zeros: list[NDArray[np.int64]]) -> bytes:
    """Weights, biases, biases for shifted activations, multipliers."""
    whole = convolution.weight.astype(np.int64)
    zero = np.concatenate(zeros)[None, :, None, None]
    axes = 1 if op.does == "upconv" else (1, 2, 3)
    ordered = _in_words(op, convolution.weight, [len(each) for each in zeros])
    biases = [
        _to_quads((convolution.bias - (whole * each).sum(axis=axes).T).T)
        for each in (zero, zero - SHIFT)
    ]
    multiplier = _to_quads(convolution.multiplier).astype("<f4")
    taps_first = [bias.reshape(len(bias), -1).T.astype("<i4").tobytes() for bias in biases]
    return b"".join([ordered, *taps_first, multiplier.tobytes()])


def _in_words(op: RowOp, weight: NDArray[np.int8], channels: list[int]) -> bytes:
    """[block][quad][ky][kx][4 out][4 in], with the kernel's rows first where it is transposed."""
    edges = np.cumsum(channels)[:-1]
    quads = [_to_quads(part.swapaxes(0, 1)) for part in np.split(weight, edges, axis=1)]
    padded = _to_quads(np.concatenate(quads).swapaxes(0, 1))  # [out, in, ky, kx]
    out, depth, k, _ = padded.shape
    words = padded.reshape(out // QUAD, QUAD, depth // QUAD, QUAD, k, k)
    order = (4, 0, 2, 5, 1, 3) if op.does == "upconv" else (0, 2, 4, 5, 1, 3)
    return words.transpose(order).tobytes()


def _to_quads(values: NDArray[Number]) -> NDArray[Number]:
    """Zeros behind the first axis, up to whole quads."""
    rest = -len(values) % QUAD
    return np.concatenate([values, np.zeros((rest, *values.shape[1:]), values.dtype)])
