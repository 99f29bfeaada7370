"""Where everything is in the arena, to the byte: one band's state, rings and scratch."""

from __future__ import annotations

from dataclasses import dataclass

from ccnet_edge.native.int8 import zero_at_0
from ccnet_edge.native.ir import LANES, QUAD, RowProgram
from ccnet_edge.native.schedule import rings

ALIGN = 64
# The context and a band's fixed fields; ccnet.c asserts that its structures are no larger.
CONTEXT_BYTES = 512
BAND_BYTES = 256
# Output channels that a kernel makes at once, at most; 6 × 4 accumulators fill 24 of 32
# registers (AVX-512, NEON), 6 × 2 fill 12 of 16 (AVX2, SSE2, wasm).
BLOCK = 6
# Winograd: products of one block of channels and this many 2×2 tiles wait for their transform.
TILES = 32
# Vectors at the end of the last row may read this far beyond it.
SLACK = 256


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The arena: the context, then a band of `band_bytes`, or as many as run at once.

    Its rings are long enough for images in up to `bands` bands.

    Offsets are from the band's begin. `ring_offsets` and `ring_rows` are per operator; the
    image has no ring but in a stream, where `stream_rows` rows of raw pixels are kept at
    `stream_offset`, the arena's end (0 rows: each is used up as it is fed). In int8 `pad_offsets`
    are, per operator, a row of its zero point, 0 where nothing reads beyond it; `lead_bytes` of
    zero points stand before these rows and before rings.
    """

    context_bytes: int
    band_bytes: int
    stream_bytes: int
    zeros_offset: int
    ring_offsets: tuple[int, ...]
    ring_rows: tuple[int, ...]
    scratch_offset: int
    stream_rows: int
    bands: int
    pad_offsets: tuple[int, ...] = ()
    lead_bytes: int = 0

    @property
    def arena_bytes(self) -> int:
        """The arena for whole images in one band."""
        return self.context_bytes + self.band_bytes

    @property
    def stream_arena_bytes(self) -> int:
        """The arena for images that come row by row."""
        return self.context_bytes + self.band_bytes + self.stream_bytes


def lay_out(program: RowProgram, *, stride: int, bands: int = 1) -> Layout:
    """The arena of a program whose images have a height that `stride` divides."""
    found = rings(program, stride=stride, bands=bands)
    offset = aligned(BAND_BYTES + 4 * len(program.ops))
    zeros = offset
    lead = lead_bytes(program)
    pads: tuple[int, ...] = ()
    if program.integer:
        pads, offset = _pads(program, offset, lead)
    else:
        offset += zero_bytes(program)
    offsets = [0] * len(program.ops)
    # Planes of float32 first: what stands before a row has to be zeros.
    for half in (False, True):
        for index, op in enumerate(program.ops):
            if (op.kind == "half") == half and op.row_bytes:
                offsets[index] = offset + lead
                offset += lead + aligned(op.row_bytes * found.rows[index])
    scratch = offset + SLACK
    image = program.ops[0]
    stream_rows = found.rows[0] if found.rows[0] > 1 else 0
    return Layout(
        context_bytes=CONTEXT_BYTES + aligned(256 * 4 * image.channels),
        band_bytes=scratch + scratch_bytes(program),
        # 16-bit samples at most.
        stream_bytes=aligned(stream_rows * image.width * image.channels * 2),
        zeros_offset=zeros,
        ring_offsets=tuple(offsets),
        ring_rows=found.rows,
        scratch_offset=scratch,
        stream_rows=stream_rows,
        bands=bands,
        pad_offsets=pads,
        lead_bytes=lead,
    )


def zero_bytes(program: RowProgram) -> int:
    """A row of zeros, as long as the longest that a convolution reads, and a gap before it."""
    longest = max(
        (program.ops[s].row_bytes for op in program.ops if op.kernel > 1 for s in op.sources),
        default=0,
    )
    return ALIGN + aligned(longest)


def lead_bytes(program: RowProgram) -> int:
    """In int8, zero points before a ring: it has another one than the ring before."""
    reach = max((op.kernel // 2 for op in program.ops if op.does == "conv"), default=0)
    return aligned(QUAD * reach) if program.integer else 0


def _pads(program: RowProgram, offset: int, lead: int) -> tuple[tuple[int, ...], int]:
    """Rows of zero points for what convolutions read, and where they end; zeros are one row."""
    read = {s for op in program.ops if op.does == "conv" and op.kernel > 1 for s in op.sources}
    zero = zero_at_0(program)
    longest = max((program.ops[s].row_bytes for s in read if zero[s]), default=0)
    shared = offset + lead
    if longest:
        offset += lead + aligned(longest)
    pads = [0] * len(program.ops)
    for source in sorted(read):
        if zero[source]:
            pads[source] = shared
        else:
            pads[source] = offset + lead
            offset += lead + aligned(program.ops[source].row_bytes)
    return tuple(pads), offset


def scratch_bytes(program: RowProgram) -> int:
    """What one step of an operator needs beside rings: transformed tiles, or a row of results."""
    output = program.ops[-1]
    transformed = [
        4 * 16 * (op.in_channels * TILES + LANES) for op in program.ops if op.kind == "winograd"
    ]
    products = 4 * 16 * BLOCK * TILES if transformed else 0
    return aligned(max(output.width, max(transformed, default=0) + products))


def aligned(size: int) -> int:
    """`size` bytes in whole cache lines."""
    return -(-size // ALIGN) * ALIGN
