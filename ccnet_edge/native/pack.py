"""The weight blob: every operator's weights in the order in which its kernel reads them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.errors import DataError
from ccnet_edge.native.int8 import packed_words
from ccnet_edge.native.ir import RowOp, RowProgram
from ccnet_edge.native.layout import BLOCK, aligned

MAGIC = b"ccnetw1\0"
KIND_BYTES = len(MAGIC) + 32
HEADER_BYTES = 64
# F(2×2, 3×3), Lavin & Gray 2016, equation 8.
_G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])


@dataclass(frozen=True, kw_only=True, eq=False)
class Convolution:
    """A convolution's weights with batch normalisation folded in.

    `weight` is [out, in, k, k] (of a transposed convolution [in, out, k, k]) and `bias` [out],
    both float64.
    """

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]


Weights = Mapping[str, Convolution]


def blocks(channels: int, most: int) -> tuple[int, ...]:
    """The channels in near-equal blocks of at most `most`, the larger ones first."""
    count = -(-channels // most)
    size, larger = divmod(channels, count)
    return (size + 1,) * larger + (size,) * (count - larger)


def packed_values(op: RowOp) -> int:
    """float32 values that the operator has in the blob: weights, transformed, and biases."""
    if not op.convolves:
        return 0
    weights = op.weights * 16 // 9 if op.kind == "winograd" else op.weights
    return weights + op.channels


def offsets(program: RowProgram) -> tuple[int, ...]:
    """Where each operator's weights begin, in values; an operator that runs twice has one place.

    In int8, where poolings and the input have a head as well, in words of four bytes.
    """
    sizes = packed_words(program) if program.integer else map(packed_values, program.ops)
    places: dict[str, int] = {}
    found, at = [], 0
    for op, size in zip(program.ops, sizes, strict=True):
        if op.convolves and op.node in places:
            found.append(places[op.node])
            continue
        if op.convolves:
            places[op.node] = at
        found.append(at if size else 0)
        at += size
    return tuple(found)


def blob_bytes(program: RowProgram) -> int:
    """The size of the blob."""
    if program.integer:
        return HEADER_BYTES + aligned(4 * sum(packed_words(program)))
    nodes = {op.node: packed_values(op) for op in program.ops if op.convolves}
    return HEADER_BYTES + aligned(4 * sum(nodes.values()))


def pack(program: RowProgram, weights: Weights) -> bytes:
    """The blob of a program: kind, checksum, then the weights.

    Raises:
        DataError: a node has no weights, or weights of another shape or that are not finite.
    """
    done: dict[str, NDArray[np.float32]] = {}
    for op in program.ops:
        if op.convolves and op.node not in done:
            done[op.node] = _packed(op, found_weights(op, weights))
    payload = b"".join(values.astype("<f4").tobytes() for values in done.values())
    payload += bytes(blob_bytes(program) - HEADER_BYTES - len(payload))
    return header(program, payload) + payload


def header(program: RowProgram, payload: bytes) -> bytes:
    """Kind and checksum, in `HEADER_BYTES`."""
    words = kind(program) + checksum(payload).to_bytes(8, "little")
    return words + bytes(HEADER_BYTES - len(words))


def kind(program: RowProgram) -> bytes:
    """What the C source compares: the magic, and the hash of the program."""
    text = json.dumps([asdict(op) for op in program.ops], sort_keys=True)
    return MAGIC + hashlib.sha256(text.encode()).digest()


def checksum(payload: bytes) -> int:
    """FNV-1a over 64-bit little-endian words; ccnet.c has the same."""
    total = 0xCBF29CE484222325
    for word in np.frombuffer(payload, "<u8").tolist():
        total = (total ^ word) * 0x100000001B3 & (1 << 64) - 1
    return total


def found_weights(op: RowOp, weights: Weights) -> Convolution:
    """An operator's weights.

    Raises:
        DataError: there are none, or they are of another shape or not finite.
    """
    if op.node not in weights:
        raise DataError(f"weights of {op.node} were wanted, found {', '.join(sorted(weights))}")
    found = weights[op.node]
    ends = (op.channels, op.in_channels)
    wanted = (*(ends[::-1] if op.does == "upconv" else ends), op.kernel, op.kernel)
    if found.weight.shape != wanted or found.bias.shape != (op.channels,):
        raise DataError(
            f"{op.node}: weights {list(wanted)} and {op.channels} biases were wanted, "
            f"found {list(found.weight.shape)} and {list(found.bias.shape)}"
        )
    if not (np.isfinite(found.weight).all() and np.isfinite(found.bias).all()):
        raise DataError(f"{op.node}: finite weights were wanted, found NaN or infinity")
    return found


def _packed(op: RowOp, convolution: Convolution) -> NDArray[np.float32]:
    """Block by block, then the biases."""
    order = {
        "conv": _direct,
        "depthwise": lambda weight: [weight],
        "winograd": _winograd,
        "upconv": _transposed,
    }[op.kind]
    values = [*order(convolution.weight), convolution.bias]
    return np.concatenate([part.ravel() for part in values]).astype(np.float32)


def _split(weight: NDArray[np.float64], most: int) -> list[NDArray[np.float64]]:
    """Blocks along the first axis."""
    edges = np.cumsum(blocks(weight.shape[0], most))[:-1]
    return np.split(weight, edges)


def _direct(weight: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """[in, ky, kx, block] each."""
    return [part.transpose(1, 2, 3, 0) for part in _split(weight, BLOCK)]


def _winograd(weight: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """[16, in, block] each: U = G g Gᵀ, by rows."""
    transformed = np.einsum("ai,ocij,bj->ocab", _G, weight, _G)
    flat = transformed.reshape(*weight.shape[:2], 16)
    return [part.transpose(2, 1, 0) for part in _split(flat, BLOCK)]


def _transposed(weight: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """[in, kx, block] each, for the kernel's first row, then for its second, and so on."""
    by_out = weight.transpose(1, 0, 2, 3)  # [out, in, ky, kx]
    return [
        part[:, :, ky].transpose(1, 2, 0)
        for ky in range(weight.shape[2])
        for part in _split(by_out, BLOCK // 2)
    ]
