"""ONNX Runtime's arena, replayed on addresses alone: which bytes a process touches, and so holds.

The rules are those of `BFCArena` (onnxruntime/core/framework/bfc_arena.cc, 1.14 to 1.31), which
descends from TensorFlow's:

- a request is rounded up to 256 bytes and gets the smallest free chunk that holds it, bin by bin
  (bins are powers of two), at equal sizes the one at the lowest address;
- the chunk is split where it is twice as large, or 128 MiB larger; else all of it is given;
- where none is free, the arena grows by a region: 1 MiB at first, doubled each time, and doubled
  on until the request fits;
- a freed chunk joins free neighbours of its region. Regions are never given back.

A region costs what was touched of it: the system gives a page when it is first written. So a
tensor in a chunk of twice its size costs its own size, and the process's share is the union of
all addresses that requests ever covered, in whole pages.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass

ROUND = 256
BINS = 21
FIRST_REGION = 1 << 20
MAX_WASTE = 128 << 20
PAGE = 4096
# Regions lie apart, so that chunks of two never look like neighbours. NOTE: each new one below
# the last, as mmap places them: the lowest address wins among chunks of one size.
TOP, APART = 1 << 60, 1 << 44


@dataclass
class _Chunk:
    size: int
    free: bool
    before: int | None
    after: int | None


class Arena:
    """Requests in, addresses out; `resident_bytes` is what the process holds in the end."""

    def __init__(self) -> None:
        self._chunks: dict[int, _Chunk] = {}
        self._free: list[tuple[int, int, int]] = []
        self._grow_by = FIRST_REGION
        self._regions: list[tuple[int, int]] = []
        self._touched: list[tuple[int, int]] = []

    @property
    def regions(self) -> tuple[int, ...]:
        """Sizes of the regions in the order in which the arena grew."""
        return tuple(size for _, size in self._regions)

    def allocate(self, size: int) -> int:
        """The address of `size` bytes, size ≥ 1."""
        rounded = -(-size // ROUND) * ROUND
        place = self._find(rounded)
        if place is None:
            self._grow(rounded)
            place = self._find(rounded)
            assert place is not None
        _, _, start = self._free.pop(place)
        chunk = self._chunks[start]
        if chunk.size >= 2 * rounded or chunk.size - rounded >= MAX_WASTE:
            self._split(start, rounded)
        chunk.free = False
        self._touched.append((start, start + size))
        return start

    def release(self, start: int) -> None:
        """Give back what `allocate` returned."""
        chunk = self._chunks[start]
        assert not chunk.free
        chunk.free = True
        self._join(start)
        if chunk.before is not None and self._chunks[chunk.before].free:
            start = chunk.before
            self._forget(start)
            self._merge(start)
        insort(self._free, self._key(start))

    def resident_bytes(self) -> int:
        """Pages that requests ever covered, in bytes."""
        total = end = 0
        for first, last in sorted(self._touched):
            low = max(first // PAGE * PAGE, end)
            high = -(-last // PAGE) * PAGE
            if high > low:
                total += high - low
                end = high
        return total

    def _find(self, rounded: int) -> int | None:
        """Index of the first free chunk that is large enough; chunks are sorted by bin and size."""
        place = bisect_left(self._free, (_bin(rounded), rounded, 0))
        return place if place < len(self._free) else None

    def _grow(self, rounded: int) -> None:
        enough = rounded <= self._grow_by
        while rounded > self._grow_by:
            self._grow_by *= 2
        start = TOP - (len(self._regions) + 1) * APART
        self._regions.append((start, self._grow_by))
        self._chunks[start] = _Chunk(size=self._grow_by, free=True, before=None, after=None)
        insort(self._free, self._key(start))
        if enough:
            self._grow_by *= 2

    def _split(self, start: int, rounded: int) -> None:
        chunk, rest = self._chunks[start], start + rounded
        self._chunks[rest] = _Chunk(
            size=chunk.size - rounded, free=True, before=start, after=chunk.after
        )
        if chunk.after is not None:
            self._chunks[chunk.after].before = rest
        chunk.size, chunk.after = rounded, rest
        insort(self._free, self._key(rest))

    def _join(self, start: int) -> None:
        """Take a free chunk after this one into it."""
        after = self._chunks[start].after
        if after is not None and self._chunks[after].free:
            self._forget(after)
            self._merge(start)

    def _merge(self, start: int) -> None:
        """The chunk after `start` becomes a part of it; neither is in a bin."""
        chunk = self._chunks[start]
        assert chunk.after is not None
        gone = self._chunks.pop(chunk.after)
        chunk.size += gone.size
        chunk.after = gone.after
        if gone.after is not None:
            self._chunks[gone.after].before = start

    def _forget(self, start: int) -> None:
        del self._free[bisect_left(self._free, self._key(start))]

    def _key(self, start: int) -> tuple[int, int, int]:
        size = self._chunks[start].size
        return (_bin(size), size, start)


def _bin(size: int) -> int:
    return min(BINS - 1, (size // ROUND).bit_length() - 1)
