"""Checks a memory plan by painting it, byte range by byte range, step by step.

NOTE: it shares no code with the planner on purpose. It does not compare lifetimes in pairs
but replays the steps, so that a mistake in the planner's idea of "lives at once" shows.
"""

from __future__ import annotations

from ccnet_edge.cost.memory import MemoryPlan


def check_memory(plan: MemoryPlan) -> tuple[str, ...]:
    """Everything that is wrong with a plan; empty for a sound one.

    Wrong is: two tensors on one byte in one step, a tensor outside the arena, an arena or a
    peak that is not what the tensors say.
    """
    problems: list[str] = []
    busiest = 0
    steps = sorted({tensor.first for tensor in plan.tensors} | {t.last for t in plan.tensors})
    for step in steps:
        spans = sorted(
            (tensor.offset, tensor.offset + tensor.size_bytes, tensor.name)
            for tensor in plan.tensors
            if tensor.first <= step <= tensor.last and tensor.size_bytes
        )
        busiest = max(busiest, sum(end - start for start, end, _ in spans))
        reached, holder = 0, "the arena's start"
        for start, end, name in spans:
            if start < reached:
                problems.append(f"step {step}: {name} at byte {start} lies on {holder}")
            if end > reached:
                reached, holder = end, name
        if reached > plan.arena_bytes:
            problems.append(f"step {step}: {holder} ends at {reached}, arena {plan.arena_bytes}")
    if busiest != plan.peak_bytes:
        problems.append(f"the busiest step needs {busiest} bytes, the plan says {plan.peak_bytes}")
    return tuple(problems)
