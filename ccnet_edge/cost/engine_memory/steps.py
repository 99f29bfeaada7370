"""What an engine does for a network, step by step: tensors in its own layouts, and scratch."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Step:
    """One kernel's call.

    `kind` is the tensor that it makes: bytes a value, then the dimensions in the order in which
    they lie. A later tensor may take this one's memory over where both are of one kind.
    `scratch` is memory that the kernel holds while it runs, in the order in which it asks for it.
    """

    name: str
    kind: tuple[int, ...]
    inputs: tuple[str, ...]
    scratch: tuple[int, ...] = ()

    @property
    def size_bytes(self) -> int:
        """Bytes of the tensor that is made."""
        return math.prod(self.kind)


@dataclass(frozen=True, kw_only=True)
class Program:
    """All steps in the order in which they run; the last one makes the logits.

    `kept` is what loading leaves in the arena: weights in a second order. `packed_bytes` are
    weights that the engine lays out anew outside of it.
    """

    steps: tuple[Step, ...]
    kept: tuple[int, ...] = ()
    packed_bytes: int = 0


def last_uses(steps: tuple[Step, ...], owner: dict[str, str]) -> dict[str, int]:
    """Owner of memory → the last step that writes or reads a tensor in it."""
    last: dict[str, int] = {}
    for number, step in enumerate(steps):
        for name in (step.name, *step.inputs):
            if name in owner:
                last[owner[name]] = number
    return last
