"""The arena: nothing in it overlaps, zeros stand where kernels reach, and its size is known."""

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings

from ccnet_edge.native import Choices
from ccnet_edge.native.ir import RowProgram
from ccnet_edge.native.layout import (
    ALIGN,
    BAND_BYTES,
    SLACK,
    lay_out,
    scratch_bytes,
    zero_bytes,
)
from ccnet_edge.native.lower import Keep, lower
from tests.native.networks import Case, cases, thin_unet

some = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))

# ../shared/NATIVE.md: arenas of a prototype that was written by hand, MB at 512 × 512, with the
# skips in fp32, in fp16, with the first computed twice, and with both.
PROTOTYPE: dict[tuple[int, ...], tuple[float, ...]] = {
    (4, 8, 16, 32, 65): (2.13, 1.46, 1.31, 1.06),
    (8, 16, 32, 64, 128): (4.22, 2.89, 2.57, 2.08),
    (20, 19, 25, 29, 33): (6.97, 4.36, 2.84, 2.30),
    (16, 32, 64, 128, 256): (8.40, 5.75, 5.10, 4.11),
}
SKIPS = tuple(f"encoder{scale}_conv2" for scale in range(4))
KEPT: tuple[tuple[Keep, ...], ...] = (
    ("fp32", "fp32", "fp32", "fp32"),
    ("fp16", "fp16", "fp16", "fp16"),
    ("recompute", "fp32", "fp32", "fp32"),
    ("recompute", "fp16", "fp16", "fp16"),
)


def program_of(case: Case) -> RowProgram:
    return lower(case.network, height=case.height, width=case.width, choices=case.choices)


@some
@given(cases())
def test_parts_of_a_band_share_no_byte_and_are_inside(case: Case) -> None:
    program = program_of(case)
    layout = lay_out(program, stride=case.network.output_stride, bands=8)
    parts = [
        (0, BAND_BYTES + 4 * len(program.ops)),
        (layout.zeros_offset, layout.zeros_offset + zero_bytes(program)),
        (layout.scratch_offset, layout.scratch_offset + scratch_bytes(program)),
    ]
    rings = [
        (offset, offset + rows * op.row_bytes)
        for op, offset, rows in zip(program.ops, layout.ring_offsets, layout.ring_rows, strict=True)
        if op.row_bytes
    ]
    used = sorted(parts + rings)
    assert all(end <= begin for (_, end), (begin, _) in pairwise(used))
    assert used[-1][1] <= layout.band_bytes
    assert max(end for _, end in rings) + SLACK <= layout.scratch_offset
    assert all(begin % ALIGN == 0 for begin, _ in used)
    assert layout.context_bytes % ALIGN == layout.band_bytes % ALIGN == 0


@some
@given(cases())
def test_before_and_behind_every_row_stand_as_many_zeros_as_a_kernel_reaches(case: Case) -> None:
    program = program_of(case)
    layout = lay_out(program, stride=case.network.output_stride)
    floats = [i for i, op in enumerate(program.ops) if op.row_bytes and op.kind != "half"]
    in_memory = sorted(floats, key=lambda index: layout.ring_offsets[index])
    for index, op in enumerate(program.ops):
        if op.kind not in ("conv", "winograd"):
            continue
        for source in op.sources:
            behind = program.ops[source].pitch - program.ops[source].width
            place = in_memory.index(source)
            # Before a ring's first row: the end of the ring before it, or the row of zeros.
            neighbour = program.ops[in_memory[place - 1]]
            before = neighbour.pitch - neighbour.width if place else ALIGN // 4
            assert min(before, behind) >= op.kernel // 2, program.ops[index].name


@some
@given(cases())
def test_rows_in_fp16_have_the_pitch_of_the_rows_that_they_are_made_from(case: Case) -> None:
    program = program_of(case)
    for op in program.ops:
        if op.kind in ("half", "float"):
            assert {program.ops[source].pitch for source in op.sources} == {op.pitch}


@pytest.mark.parametrize("widths", PROTOTYPE)
def test_the_unets_arenas_are_the_prototypes(widths: tuple[int, ...]) -> None:
    found = []
    for kept in KEPT:
        choices = Choices(skips=tuple(zip(SKIPS, kept, strict=True)))
        program = lower(thin_unet(widths), height=512, width=512, choices=choices)
        found.append(lay_out(program, stride=16).arena_bytes / 1e6)
    # The prototype had no context, and no room for the widest vectors.
    assert found == pytest.approx(PROTOTYPE[widths], rel=0.02)


def test_memory_grows_with_an_images_width_and_hardly_with_its_height() -> None:
    def arena(height: int, width: int) -> int:
        network = thin_unet((4, 8, 16, 32, 65))
        return lay_out(lower(network, height=height, width=width), stride=16).arena_bytes

    assert arena(2048, 512) == arena(1024, 512) == arena(512, 512)
    assert arena(512, 1024) / arena(512, 512) == pytest.approx(1.92, abs=0.01)
