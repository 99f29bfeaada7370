"""Box averages and bilinear enlarging by powers of two: Pillow's own bits, several times faster.

A pixel becomes one machine word with a 16-bit lane for each channel: `uint16` for grey, `uint64`
for colour (three lanes and an idle one). A lane holds the sum of up to 2⁸ samples of 8 bits, so
one addition of words adds all channels and nothing carries into the next lane.

Why the bits are Pillow's: `Image.resize` filters along rows, rounds to 8 bits (half up), filters
along columns and rounds again, with weights of 22 bits. For a factor of 2ˢ all weights are
multiples of 2⁻ˢ (box) or 2⁻ˢ⁻¹ (bilinear), which 22 bits hold exactly; sums of integers, rounded
at the same two places, are then the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

# [H, W] pixels as Pillow keeps them: uint8 (grey) or uint32 (three channels and an idle one).
Packed: TypeAlias = NDArray[Any]
# [H, W] uint16 (grey) or uint64 (colour) with a lane a channel; the arithmetic is the same.
Words: TypeAlias = NDArray[Any]
# First and last index of what each output averages: equal, or neighbours.
Taps: TypeAlias = tuple[NDArray[np.intp], NDArray[np.intp]]

# A word of 2 or 8 bytes with 1 in every lane, and with 255.
ONES: dict[int, Any] = {2: np.uint16(1), 8: np.uint64(0x0001_0001_0001_0001)}
MASKS: dict[int, Any] = {2: np.uint16(0xFF), 8: np.uint64(0x00FF_00FF_00FF_00FF)}
LANE_BYTES = 2
# 255 · 2ˢ⁺¹ + 2ˢ, the largest sum in a lane, is below 2¹⁶ up to this s.
MAX_SCALE = 7


class Scratch:
    """Memory that the next image uses again: fresh pages cost more than the arithmetic on them.

    It belongs to one thread; an array is overwritten by the next one of its name.
    """

    def __init__(self) -> None:
        self._buffers: dict[str, NDArray[np.uint8]] = {}

    def array(self, name: str, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        """An array with arbitrary content in the memory called `name`."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        buffer = self._buffers.get(name)
        if buffer is None or buffer.size < size:
            buffer = self._buffers[name] = np.empty(size, np.uint8)
        array: NDArray[Any] = buffer[:size].view(dtype).reshape(shape)
        return array


def pack(picture: NDArray[np.uint8], scratch: Scratch) -> Packed:
    """Packed pixels [H, W] of `picture`, [H, W] or [H, W, 3]; what is in the idle lane is open."""
    if picture.ndim == 2:
        return picture
    height, width, channels = picture.shape
    samples = np.ascontiguousarray(picture).reshape(-1)
    packed = scratch.array("packed", (height, width), np.uint32)
    # Four bytes from each pixel's first; behind the last pixel there is no fourth to read.
    pixels = height * width
    packed.reshape(-1)[:-1] = np.ndarray((pixels - 1,), np.uint32, samples, strides=(channels,))
    packed.view(np.uint8)[-1, -4:-1] = samples[-channels:]
    return packed


def average(packed: Packed, rows: Taps, columns: Taps, scratch: Scratch) -> Packed:
    """Means of one or two columns and then of one or two rows of `packed`, rounded each time.

    Returns:
        Packed pixels [len of rows, len of columns].
    """
    return _average_along(0, _average_along(1, packed, columns, scratch), rows, scratch)


def widen(packed: Packed, scratch: Scratch) -> Words:
    """Words of `packed` pixels [H, W]."""
    samples = packed.view(np.uint8)
    lanes = scratch.array("widened", samples.shape, np.uint16)
    np.copyto(lanes, samples)
    return lanes if packed.dtype == np.uint8 else lanes.view(np.uint64)


def shrink(words: Words, scales: int, scratch: Scratch) -> list[Words]:
    """Box averages over 2ˢ × 2ˢ pixels, s = 1 … `scales` − 1, of `words` [H, W].

    H and W are multiples of 2^(scales − 1).

    Returns:
        Words [H / 2ˢ, W / 2ˢ], the largest first.
    """
    levels = []
    sums = words
    for s in range(1, scales):
        # Sums of 2ˢ columns are those of 2ˢ⁻¹ added in pairs, as long as nothing is rounded.
        # The half that rounding adds comes in once: adding pairs doubles it as well.
        sums = np.add(
            sums[:, 0::2],
            sums[:, 1::2],
            out=scratch.array(f"sums of {2**s}", (len(words), words.shape[1] >> s), words.dtype),
        )
        if s == 1:
            sums += ONES[words.itemsize]
        part = _rounded(sums, s, out=scratch.array("rounded", sums.shape, words.dtype))
        levels.append(_average_rows(part, s, scratch))
    return levels


def enlarge(words: Words, scale: int, scratch: Scratch) -> NDArray[np.uint8]:
    """`words` [h, w] enlarged bilinearly by f = 2^scale: samples [h · f, w · f · lanes]."""
    height, width = words.shape
    factor, lanes = 1 << scale, words.itemsize // LANE_BYTES
    wide = _enlarge_columns(words, scale, scratch)
    samples = scratch.array("enlarged", (height + 1, factor, width * factor * lanes), np.uint8)
    part = scratch.array("part", (height + 1, wide.shape[1]), words.dtype)
    first = factor // 2 * lanes
    inner = part.view(np.uint16)[:, first : first + samples.shape[2]]
    for phase, sums in enumerate(_between(wide[:-1], wide[1:], scale, scratch)):
        np.right_shift(sums, _as(words, scale + 1), out=part)
        # Narrowing also drops what the shift brought in from the lane above.
        np.copyto(samples[:, phase], inner, casting="unsafe")
    # Half an interval lies before the first row's centre and half after the last one's.
    rows = samples.reshape((height + 1) * factor, -1)
    return rows[factor // 2 : -(factor // 2)]


def _enlarge_columns(words: Words, scale: int, scratch: Scratch) -> Words:
    """`words` [h, w] enlarged along their rows and rounded: words [h + 2, (w + 2) · f].

    Beyond the first and the last pixel of a row there is that pixel again, and so with rows:
    the first and the last come twice. A row begins with half an interval too much and ends with
    one and a half: the last lies between two rows, whose words stand one after the other.
    """
    height, width = words.shape
    edges = scratch.array("edged", (height, width + 2), words.dtype)
    edges[:, 1:-1], edges[:, 0], edges[:, -1] = words, words[:, 0], words[:, -1]
    edged = edges.reshape(-1)
    wide = scratch.array("wide", (height + 2, width + 2, 1 << scale), words.dtype)
    inner = wide[1:-1].reshape(edged.size, -1)[:-1]
    part = scratch.array("part", (edged.size - 1,), words.dtype)
    for phase, sums in enumerate(_between(edged[:-1], edged[1:], scale, scratch)):
        np.right_shift(sums, _as(words, scale + 1), out=part)
        np.bitwise_and(part, MASKS[words.itemsize], out=inner[:, phase])
    wide[0], wide[-1] = wide[1], wide[-2]
    return wide.reshape(height + 2, -1)


def _between(before: Words, after: Words, scale: int, scratch: Scratch) -> Iterator[Words]:
    """The f = 2^scale interpolations between two neighbours, times 2f and with f added.

    That is before · (2f − k) + after · k + f for k = 1, 3, … 2f − 1; each is a step from the
    last, in the same memory. In some lanes the step may be negative: the words are right none
    the less, for they are linear in their lanes and each lane of a sum fits its 16 bits.
    """
    step = scratch.array("step", before.shape, before.dtype)
    sums = scratch.array("sums", before.shape, before.dtype)
    np.subtract(after, before, out=step)
    np.left_shift(before, _as(before, scale + 1), out=sums)
    sums += step
    sums += ONES[before.itemsize] << _as(before, scale)
    step <<= _as(before, 1)
    yield sums
    for _ in range((1 << scale) - 1):
        sums += step
        yield sums


def _average_along(axis: int, packed: Packed, taps: Taps, scratch: Scratch) -> Packed:
    """Means of one or two lines across `axis`; few are of two, so those are done after all."""
    first, last = taps
    result = _taken(f"averaged along {axis}", packed, first, axis, scratch)
    two = np.flatnonzero(first != last)
    mean = _taken("first of two", packed, first[two], axis, scratch)
    other = _taken("last of two", packed, last[two], axis, scratch)
    # (a + b + 1) / 2 is what a and b have together, less half of what only one of them has.
    half = np.bitwise_xor(mean, other, out=scratch.array("half", mean.shape, mean.dtype))
    half &= np.array(0xFEFE_FEFE).astype(packed.dtype)
    half >>= _as(packed, 1)
    mean |= other
    mean -= half
    result[(slice(None),) * axis + (two,)] = mean
    return result


def _taken(
    name: str, packed: Packed, lines: NDArray[np.intp], axis: int, scratch: Scratch
) -> Packed:
    shape = (len(lines), packed.shape[1]) if axis == 0 else (len(packed), len(lines))
    out = scratch.array(name, shape, packed.dtype)
    return np.take(packed, lines, axis=axis, out=out, mode="clip")


def _average_rows(words: Words, scale: int, scratch: Scratch) -> Words:
    """Means over 2^scale rows, rounded; the caller's until the next image."""
    for i in range(scale):
        shape = (len(words) // 2, words.shape[1])
        name = f"rows {i} of {scale}"
        words = np.add(words[0::2], words[1::2], out=scratch.array(name, shape, words.dtype))
        if i == 0:
            words += ONES[words.itemsize]
    return _rounded(words, scale, out=words)


def _rounded(sums: Words, scale: int, *, out: Words | None = None) -> Words:
    """Every lane over 2^scale; half of that has been added to `sums` to round."""
    words: Words = np.right_shift(sums, _as(sums, scale), out=out)
    words &= MASKS[words.itemsize]
    return words


def _as(words: Words, number: int) -> Any:
    """`number` in the type of `words`, which numpy keeps only where both have it."""
    return words.dtype.type(number)
