"""The demand-driven schedule of any network: what it reads is there, and nothing is kept longer."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ccnet_edge.native.check import Clash, check_schedule
from ccnet_edge.native.ir import RowOp, RowProgram
from ccnet_edge.native.layout import lay_out
from ccnet_edge.native.lower import lower
from ccnet_edge.native.schedule import bands_of, rings, steps
from tests.native.networks import Case, cases, thin_unet

some = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
few = settings(some, max_examples=15)


def program_of(case: Case) -> RowProgram:
    return lower(case.network, height=case.height, width=case.width, choices=case.choices)


def read_rows(program: RowProgram, index: int, at: int) -> Iterator[tuple[int, int]]:
    """Sources and rows that a step reads, from what its kind computes; not from `reads`."""
    op = program.ops[index]
    for row in range(at, at + op.step):
        if op.kind in ("conv", "winograd"):
            middle = row * op.stride
            found = range(middle - op.kernel // 2, middle + op.kernel // 2 + 1)
        elif op.kind == "maxpool":
            found = range(row * op.stride, (row + 1) * op.stride)
        else:
            found = range(row // op.up, row // op.up + 1)
        for source in op.sources:
            yield from ((source, r) for r in found if 0 <= r < program.ops[source].height)


def shortest_rings(program: RowProgram, order: list[tuple[int, int]]) -> list[int]:
    """By brute force: a row has to stay from the step that makes it to the last that reads it."""
    last_read: dict[tuple[int, int], int] = {}
    for time, (index, at) in enumerate(order):
        for place in read_rows(program, index, at):
            last_read[place] = time
    found = [1] * len(program.ops)
    made: list[list[int]] = [[] for _ in program.ops]
    for time, (index, at) in enumerate(order):
        alive = [row for row in made[index] if last_read.get((index, row), -1) > time]
        end = at + program.ops[index].step
        found[index] = max(found[index], end - min([at, *alive]))
        made[index] = [*alive, *range(at, end)]
    return found


def clashes(
    program: RowProgram, ring_rows: tuple[int, ...], offsets: tuple[int, ...], rows: range
) -> tuple[Clash, ...]:
    order = steps(program, rows.start, rows.stop)
    return check_schedule(program, order, ring_rows=ring_rows, ring_offsets=offsets, rows=rows)


@few
@given(cases())
def test_no_step_finds_its_sources_overwritten_in_any_number_of_bands(case: Case) -> None:
    program = program_of(case)
    stride = case.network.output_stride
    layout = lay_out(program, stride=stride, bands=8)
    for count in range(1, 9):
        for first, last in bands_of(case.height, stride, count):
            rows = range(first, last)
            assert not clashes(program, layout.ring_rows, layout.ring_offsets, rows)


@few
@given(cases(), st.integers(1, 4))
def test_rings_are_as_short_as_brute_force_finds_them(case: Case, most: int) -> None:
    program = program_of(case)
    stride = case.network.output_stride
    wanted = [
        shortest_rings(program, steps(program, *band))
        for count in range(1, most + 1)
        for band in bands_of(case.height, stride, count)
        if band[0] < band[1]
    ]
    found = rings(program, stride=stride, bands=most).rows
    assert found == tuple(max(column) for column in zip(*wanted, strict=True))


@few
@given(cases(shrinks=1))
def test_with_any_ring_a_row_shorter_the_check_finds_a_clash(case: Case) -> None:
    program = program_of(case)
    # The image's rows are the caller's; as an operator without sources they are checked too.
    ops = (replace(program.ops[0], kind="float"), *program.ops[1:])
    program = RowProgram(ops=ops)
    found = rings(program, stride=1).rows
    far_apart = tuple(10**9 * index for index in range(len(ops)))
    rows = range(case.height)
    assert not clashes(program, found, far_apart, rows)
    for index, count in enumerate(found):
        if count > 1:
            shorter = (*found[:index], count - 1, *found[index + 1 :])
            assert clashes(program, shorter, far_apart, rows), ops[index].name


@some
@given(cases())
def test_every_row_of_the_output_is_made_once_and_no_other_row_twice(case: Case) -> None:
    program = program_of(case)
    made: dict[int, list[int]] = {index: [] for index in range(len(program.ops))}
    for index, at in steps(program, 0, case.height):
        made[index] += range(at, at + program.ops[index].step)
    assert made[len(program.ops) - 1] == list(range(case.height))
    for index, rows in made.items():
        assert rows == list(range(len(rows))), program.ops[index].name
    assert rings(program, stride=1).made == tuple(map(len, made.values()))


@some
@given(cases(), st.data())
def test_a_band_starts_every_operator_at_the_first_row_that_it_needs(
    case: Case, data: st.DataObject
) -> None:
    program = program_of(case)
    first = data.draw(st.integers(0, case.height - 1))
    needed: list[set[int]] = [set() for _ in program.ops]
    needed[-1] = set(range(first, case.height))
    for index in range(len(program.ops) - 1, -1, -1):
        step = program.ops[index].step
        for at in {row - row % step for row in needed[index]}:
            needed[index] |= set(range(at, at + step))
            for source, row in read_rows(program, index, at):
                needed[source].add(row)
    assert program.starts(first) == tuple(min(rows) for rows in needed)


@some
@given(cases(), st.integers(1, 8))
def test_bands_are_the_rows_once_each_and_begin_at_multiples_of_the_stride(
    case: Case, count: int
) -> None:
    stride = case.network.output_stride
    bands = bands_of(case.height, stride, count)
    assert len(bands) == count
    assert [r for first, last in bands for r in range(first, last)] == list(range(case.height))
    assert all(first % stride == 0 for first, _ in bands)


@some
@given(cases())
def test_every_operator_but_the_last_has_a_reader(case: Case) -> None:
    program = program_of(case)
    assert all(program.readers[:-1])
    assert not program.readers[-1]
    for index, op in enumerate(program.ops):
        assert all(index in program.ops[pushed].sources for pushed in op.pushes)


@pytest.mark.parametrize("widths", [(4, 8, 16, 32, 65), (20, 19, 25, 29, 33)])
def test_the_unets_skips_wait_for_as_many_rows_as_the_prototypes(widths: tuple[int, ...]) -> None:
    program = lower(thin_unet(widths), height=512, width=512)
    found = dict(zip((op.name for op in program.ops), rings(program, stride=16).rows, strict=True))
    # R_l = 2 R_(l + 1) + 6, from 8 at scale 3.
    assert [found[f"encoder{scale}_conv2"] for scale in range(4)] == [106, 50, 22, 8]


def two_ops() -> tuple[RowOp, RowOp, RowOp]:
    """An image, a copy of it, and a 3×3 convolution of the copy."""
    image = RowOp(name="image", kind="image", channels=1, height=4, width=4)
    copy = replace(image, name="copy", kind="normalise", sources=(0,))
    last = replace(copy, name="last", kind="conv", sources=(1,), kernel=3, in_channels=1)
    return image, copy, last


def test_the_check_finds_rings_that_share_bytes_a_row_too_early_and_a_row_too_few() -> None:
    program = RowProgram(ops=two_ops())
    good = steps(program, 0, 4)
    bytes_of = 4 * program.ops[1].pitch

    def found(order: list[tuple[int, int]], ring: int = 3, offset: int = 3 * bytes_of) -> str:
        result = check_schedule(
            program,
            order,
            ring_rows=(1, ring, 1),
            ring_offsets=(0, 0, offset),
            rows=range(4),
        )
        return result[0].what if result else ""

    assert not found(good)
    assert found(good, ring=2) == "row 0 of copy wanted, found 2"
    assert found(good, offset=3 * bytes_of - 64) == "its ring begins inside that of copy"
    assert found(good[2:]) == "row 0 of copy wanted, found None"
    assert found(good[:-1]) == "never made"
