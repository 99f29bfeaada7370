"""Laws of shared memory: nothing is overwritten while it is needed; what a process then holds."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from ccnet_edge.cost.engine_memory.sharing import (
    ALIGN,
    live_bytes,
    owners,
    pattern_bytes,
    resident_bytes,
)
from ccnet_edge.cost.engine_memory.steps import Program, Step, last_uses

PAGE = 4096


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Steps of few kinds that read what any earlier ones made."""
    chance = draw(st.randoms())
    assert isinstance(chance, random.Random)
    steps: list[Step] = []
    for number in range(draw(st.integers(1, 14))):
        known = ["image", *(step.name for step in steps)]
        inputs = tuple(dict.fromkeys(chance.choice(known[-4:]) for _ in range(2)))
        scratch = (chance.choice((4096, 300_000)),) if chance.random() < 0.3 else ()
        kind = (4, chance.choice((1, 3)), chance.choice((64, 512)), 512)
        steps.append(Step(name=f"s{number}", kind=kind, inputs=inputs, scratch=scratch))
    return Program(steps=tuple(steps))


def lives(program: Program) -> dict[str, tuple[int, int]]:
    """Every tensor's first and last step, by itself."""
    steps = program.steps
    last = last_uses(steps, {step.name: step.name for step in steps})
    last[steps[-1].name] = len(steps)
    return {step.name: (number, last[step.name]) for number, step in enumerate(steps)}


@given(programs())
@settings(max_examples=200, deadline=None)
def test_memory_is_taken_over_only_from_the_dead_and_of_one_kind(program: Program) -> None:
    owner, life = owners(program.steps), lives(program)
    kinds = {step.name: step.kind for step in program.steps}
    for name, (first, _) in life.items():
        assert kinds[name] == kinds[owner[name]]
        for other, (start, end) in life.items():
            if other != name and owner[other] == owner[name] and start <= first:
                assert end < first, f"{name} overwrites {other}"


@given(programs(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_a_process_holds_what_lives_at_once_and_less_than_everything(
    program: Program, pattern: bool
) -> None:
    everything = sum(s.size_bytes + sum(s.scratch) for s in program.steps)
    rounding = PAGE * 3 * len(program.steps)
    held = resident_bytes(program, pattern=pattern)
    assert live_bytes(program) <= held + rounding
    # The second inference may find other chunks than the first, or lie in a block of its own.
    assert held <= 2 * everything + rounding


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 5)), min_size=1, max_size=20))
@settings(max_examples=100, deadline=None)
def test_a_patterns_block_holds_what_lives_at_once_and_no_more_than_everything(
    tensors: list[tuple[int, int]],
) -> None:
    """Tensor i of so many lines of `ALIGN` bytes lives for so many steps."""
    steps = tuple(
        Step(name=f"s{i}", kind=(ALIGN, lines), inputs=()) for i, (lines, _) in enumerate(tensors)
    )
    logits = Step(name="logits", kind=(1, 1), inputs=())
    dies: dict[int, list[str]] = {}
    for i, (_, lives) in enumerate(tensors):
        dies.setdefault(i + lives - 1, []).append(f"s{i}")
    owner = {step.name: step.name for step in (*steps, logits)}
    block = pattern_bytes((*steps, logits), owner, dies)
    at_once = [
        sum(lines for i, (lines, lives) in enumerate(tensors) if i <= now < i + lives)
        for now in range(len(tensors))
    ]
    assert ALIGN * max(at_once) <= block <= ALIGN * sum(lines for lines, _ in tensors)


def test_a_tensor_at_the_end_holds_the_memory_of_its_kind_all_the_way() -> None:
    """a and c are of one kind and never live at once: b's lifetime is bridged."""
    steps = (
        Step(name="a", kind=(4, 1 << 20), inputs=("image",)),
        Step(name="b", kind=(4, 1 << 18), inputs=("a",)),
        Step(name="c", kind=(4, 1 << 20), inputs=("b",)),
        Step(name="d", kind=(4, 1 << 10), inputs=("c",)),
    )
    program = Program(steps=steps)
    assert owners(steps) == {"a": "a", "b": "b", "c": "a", "d": "d"}
    assert live_bytes(program) == 4 * ((1 << 20) + (1 << 18))
