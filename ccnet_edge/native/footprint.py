"""What a network needs in an application that runs it natively: memory and disk, before it exists.

    ram = arena + weights + 8-bit image + mask + code + process                        (bytes)

The first four are exact, to the byte, and are all that a firmware gives. Code and process are
what the runner adds on Linux: its files, the C library, its stack.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ccnet_edge.native.lower import Choices, keep_skips, skips_of
from ccnet_edge.native.planner import RECOMPUTED, evaluate, plan_engine
from ccnet_edge.spec.network import NetworkSpec

# Upper bounds, which tests compare with real builds: library and runner of one machine (x86-64
# has three instruction sets in one), and the source beside them.
CODE_BYTES = 190_000
SOURCE_BYTES = 110_000
# A process of the runner that has opened nothing: loader, C library, stack. 1.4 MB as VmHWM on
# Debian 12, x86-64; allowed for with room.
PROCESS_BYTES = 2_000_000


def least_ram_bytes(network: NetworkSpec, *, height: int, width: int) -> int:
    """The least memory that the network can run in: direct kernels, fine skips computed twice.

    It rises with every channel count, so the solver may rely on it.
    """
    skips = skips_of(network)
    found = []
    for again in range(min(RECOMPUTED, len(skips)) + 1):
        choices = Choices(skips=keep_skips(skips, again=again))
        plan = evaluate(network, height=height, width=width, choices=choices)
        found.append(plan.memory_bytes)
    return min(found) + CODE_BYTES + PROCESS_BYTES


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """What a network needs as it is built; `disk_bytes` is an upper bound of the model file."""

    ram_bytes: int
    disk_bytes: int


@lru_cache(maxsize=64)
def footprint(
    network: NetworkSpec,
    *,
    height: int,
    width: int,
    ram_limit: int | None = None,
    disk_limit: int | None = None,
) -> Footprint:
    """The network as it is built for limits: the fastest way inside of them."""
    plan = plan_engine(
        network,
        height=height,
        width=width,
        limit_bytes=application_bytes(ram_limit),
        weights_limit=blob_limit(disk_limit),
    )
    return Footprint(
        ram_bytes=plan.memory_bytes + CODE_BYTES + PROCESS_BYTES,
        disk_bytes=plan.weights_bytes + SOURCE_BYTES + CODE_BYTES,
    )


def application_bytes(limit_bytes: int | None) -> int | None:
    """What a process's limit leaves for arena, weights, image and mask."""
    return None if limit_bytes is None else limit_bytes - CODE_BYTES - PROCESS_BYTES


def blob_limit(limit_bytes: int | None) -> int | None:
    """What a model file's limit leaves for the weights."""
    return None if limit_bytes is None else limit_bytes - CODE_BYTES - SOURCE_BYTES


def least_disk_bytes(network: NetworkSpec, *, height: int, width: int) -> int:
    """An upper bound of the smallest model file: weights for direct kernels, source, binaries.

    It rises with every channel count.
    """
    plan = evaluate(network, height=height, width=width, choices=Choices())
    return plan.weights_bytes + SOURCE_BYTES + CODE_BYTES
