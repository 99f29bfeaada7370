"""What a network needs in an application that runs it natively: memory and disk, before it exists.

    ram = arena + weights + 8-bit image + mask + code + process                        (bytes)

The first four are exact, to the byte, and are all that a firmware gives. Code and process are
what the runner adds on Linux: its files, the C library, its stack.
"""

from __future__ import annotations

from functools import lru_cache

from ccnet_edge.native.lower import Choices, Keep, skips_of
from ccnet_edge.native.planner import RECOMPUTED, evaluate, plan_engine
from ccnet_edge.spec.network import NetworkSpec

# Upper bounds, which tests compare with real builds: library and runner of one machine, and the
# source beside them.
CODE_BYTES = 250_000
SOURCE_BYTES = 120_000
# A process of the runner that has opened nothing: loader, C library, stack. 1.4 MB as VmHWM on
# Debian 12, x86-64; allowed for with room.
PROCESS_BYTES = 2_000_000
# Libraries in a model file: the target's, and the building machine's, which proves parity.
MACHINES = 2


def least_ram_bytes(network: NetworkSpec, *, height: int, width: int) -> int:
    """The least memory that the network can run in: direct kernels, fine skips computed twice.

    It rises with every channel count, so the solver may rely on it.
    """
    skips = skips_of(network)
    found = []
    for again in range(min(RECOMPUTED, len(skips)) + 1):
        keep: list[tuple[str, Keep]] = [(name, "recompute") for name in skips[:again]]
        plan = evaluate(network, height=height, width=width, choices=Choices(skips=tuple(keep)))
        found.append(plan.memory_bytes)
    return min(found) + CODE_BYTES + PROCESS_BYTES


@lru_cache(maxsize=64)
def ram_bytes(
    network: NetworkSpec, *, height: int, width: int, limit_bytes: int | None = None
) -> int:
    """The memory of the network as it is built: the fastest way inside the limit."""
    plan = plan_engine(
        network, height=height, width=width, limit_bytes=application_bytes(limit_bytes)
    )
    return plan.memory_bytes + CODE_BYTES + PROCESS_BYTES


def application_bytes(limit_bytes: int | None) -> int | None:
    """What a process's limit leaves for arena, weights, image and mask."""
    return None if limit_bytes is None else limit_bytes - CODE_BYTES - PROCESS_BYTES


def disk_bytes(network: NetworkSpec, *, height: int, width: int) -> int:
    """An upper bound of the model file: weights for direct kernels, source and libraries."""
    plan = evaluate(network, height=height, width=width, choices=Choices())
    return plan.weights_bytes + SOURCE_BYTES + MACHINES * CODE_BYTES
