"""ONNX Runtime's memory over inferences: who takes over whose tensor, and when each is given back.

Before anything runs, a tensor of a kind that an earlier, dead tensor had takes over its memory
(`FindReusableTensor` in onnxruntime/core/framework/allocation_planner.cc: the latest that died
first). NOTE: that memory is then held from the first of them to the last, also in between: of
two tensors of one kind at both ends of a U-Net, the first is held all the way.

Tensors then come from the arena one after the other, each with its step's scratch, and go back
after the last step that needs them. With a memory pattern (`mem_pattern_planner.h`) the first
inference does so and notes where tensors would lie in one block, best fit; all later ones ask
the arena for that block, which is memory beside what the first one touched.
"""

from __future__ import annotations

from ccnet_edge.cost.engine_memory.arena import Arena
from ccnet_edge.cost.engine_memory.steps import Program, Step, last_uses

# Tensors in the block of a memory pattern begin at multiples of this.
ALIGN = 64
# The first inference, and one that follows it: all later ones repeat that.
INFERENCES = 2


def resident_bytes(program: Program, *, pattern: bool) -> int:
    """What the arena holds after loading and as many inferences as one likes."""
    return replay(program, pattern=pattern).resident_bytes()


def replay(program: Program, *, pattern: bool) -> Arena:
    """The arena after it; `pattern` says whether a memory pattern is used."""
    arena = Arena()
    for size in program.kept:
        arena.allocate(size)
    steps, owner = program.steps, owners(program.steps)
    last = last_uses(steps, owner)
    last.pop(steps[-1].name)
    dies: dict[int, list[str]] = {}
    for name, number in last.items():
        dies.setdefault(number, []).append(name)
    block_bytes = pattern_bytes(steps, owner, dies) if pattern else 0
    for number in range(INFERENCES):
        if number == 0 or not block_bytes:
            _infer(arena, steps, owner, dies)
        else:
            block = arena.allocate(block_bytes)
            _infer(arena, steps, {steps[-1].name: steps[-1].name}, {})
            arena.release(block)
    return arena


def owners(steps: tuple[Step, ...]) -> dict[str, str]:
    """Tensor → the tensor whose memory it takes over, or itself; logits are always new."""
    kinds = {step.name: step.kind for step in steps}
    uses = dict.fromkeys(kinds, 0)
    for step in steps:
        for name in step.inputs:
            if name in uses:
                uses[name] += 1
    left, owner = dict(uses), dict[str, str]()
    dead: list[str] = []
    for step in steps:
        found = next((name for name in dead if kinds[name] == step.kind), None)
        if found is None or step is steps[-1]:
            owner[step.name] = step.name
        else:
            dead.remove(found)
            owner[step.name] = found
            left[found] += uses[step.name]
        for name in step.inputs:
            if name in owner:
                left[owner[name]] -= 1
                if not left[owner[name]]:
                    dead.insert(0, owner[name])
    return owner


def pattern_bytes(
    steps: tuple[Step, ...], owner: dict[str, str], dies: dict[int, list[str]]
) -> int:
    """Bytes of the one block that holds every tensor but the logits."""
    placed: list[tuple[int, int, str]] = []
    most = 0
    for number, step in enumerate(steps):
        if owner[step.name] == step.name and step is not steps[-1]:
            size = -(-step.size_bytes // ALIGN) * ALIGN
            offset = _best_gap(placed, size)
            placed.append((offset, size, step.name))
            placed.sort()
            most = max(most, offset + size)
        gone = dies.get(number, ())
        placed = [entry for entry in placed if entry[2] not in gone]
    return most


def _best_gap(placed: list[tuple[int, int, str]], size: int) -> int:
    """The offset of the tightest gap that holds `size` bytes, or the end of what is placed."""
    best, waste, end = -1, 0, 0
    for offset, taken, _ in placed:
        gap = offset - end
        if gap >= size and (best < 0 or gap - size < waste):
            best, waste = end, gap - size
        end = max(end, offset + taken)
    return end if best < 0 else best


def _infer(
    arena: Arena, steps: tuple[Step, ...], owner: dict[str, str], dies: dict[int, list[str]]
) -> None:
    """One inference; only tensors that are their own owner are asked for."""
    held: dict[str, int] = {}
    for number, step in enumerate(steps):
        if owner.get(step.name) == step.name:
            held[step.name] = arena.allocate(step.size_bytes)
        scratch = [arena.allocate(size) for size in step.scratch]
        for start in reversed(scratch):
            arena.release(start)
        for name in dies.get(number, ()):
            arena.release(held.pop(name))
    for start in held.values():
        arena.release(start)


def live_bytes(program: Program) -> int:
    """The most that tensors with their memory's owners and scratch hold at once, and `kept`."""
    steps, owner = program.steps, owners(program.steps)
    last = last_uses(steps, owner)
    held: dict[str, int] = {}
    most = 0
    for number, step in enumerate(steps):
        if owner[step.name] == step.name:
            held[step.name] = step.size_bytes
        most = max(most, sum(held.values()) + sum(step.scratch))
        held = {name: size for name, size in held.items() if last[name] > number}
    return most + sum(program.kept)
