"""A limit as something to check: what a network needs of it, and what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

from ccnet_edge.cost import macs, plan_memory, values_per_scale, weights
from ccnet_edge.cost.estimate import (
    disk_bytes,
    latency_ms,
    machine_of,
    process_memory,
    weight_bytes,
)
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.plan import Formulation, Limit, Limits
from ccnet_edge.spec.target import DeviceProfile
from ccnet_edge.units import BYTE_UNITS

Need = Callable[[NetworkSpec], float]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a network is costed at: input size in pixels, bits a value, engine and device."""

    height: int
    width: int
    bits: int
    engine: str
    profile: DeviceProfile | None


@dataclass(frozen=True, kw_only=True)
class Budget:
    """One limit: `need(network)` may be at most `allowed`, in bytes or milliseconds."""

    limit: Limit
    allowed: float
    need: Need

    def holds(self, network: NetworkSpec) -> bool:
        """The network is inside this limit."""
        return self.need(network) <= self.allowed

    def text(self, amount: float) -> str:
        """An amount as options read it, rounded up, so that a need written so would do."""
        return f"{_up(amount):f}ms" if self.limit == "latency" else size_text(amount)


def budgets(
    base: NetworkSpec, limits: Limits, setting: Setting, formulation: Formulation
) -> tuple[tuple[Budget, ...], tuple[Limit, ...]]:
    """The limits that can be checked, cheapest to check first, and the names of those that cannot.

    Process memory needs a memory model of the engine, latency the device's speed.
    """
    needs = _paper_needs(setting) if formulation == "paper" else _exact_needs(setting)
    allowed: dict[Limit, float | None] = {
        "disk": limits.disk_bytes,
        "latency": limits.latency_ms,
        "memory": limits.memory_bytes,
        "ram": limits.ram_bytes,
    }
    checked: list[Budget] = []
    unchecked: list[Limit] = []
    for limit, amount in allowed.items():
        if amount is None:
            continue
        if limit in needs and _known(limit, base, setting):
            checked.append(Budget(limit=limit, allowed=amount, need=needs[limit]))
        else:
            unchecked.append(limit)
    return tuple(checked), tuple(unchecked)


def _known(limit: Limit, base: NetworkSpec, at: Setting) -> bool:
    if limit == "ram":
        return _process_bytes(at, base) is not None
    return limit != "latency" or latency_ms(1, at.profile) is not None


def _process_bytes(at: Setting, network: NetworkSpec) -> int | None:
    """The most that the process may need: a plan has to hold also where a forecast is too low."""
    found = process_memory(
        at.engine,
        network,
        height=at.height,
        width=at.width,
        bits=at.bits,
        machine=machine_of(at.profile),
    )
    return None if found is None else found.most_bytes


def _exact_needs(at: Setting) -> dict[Limit, Need]:
    """The true cost of a network, limit by limit."""

    def latency(network: NetworkSpec) -> float:
        return latency_ms(macs(network, height=at.height, width=at.width), at.profile) or 0.0

    def memory(network: NetworkSpec) -> float:
        plan = plan_memory(network, height=at.height, width=at.width, bits=at.bits)
        return weight_bytes(network, bits=at.bits) + plan.arena_bytes

    def ram(network: NetworkSpec) -> float:
        return _process_bytes(at, network) or 0

    def disk(network: NetworkSpec) -> float:
        return disk_bytes(at.engine, network, height=at.height, width=at.width, bits=at.bits)

    return {
        "disk": disk,
        "latency": latency,
        "memory": memory,
        "ram": ram,
    }


def _paper_needs(at: Setting) -> dict[Limit, Need]:
    """The papers' counts at q bits: weights on disk, θ_mem in main memory."""
    return {
        "disk": lambda network: weights(network) * at.bits / 8,
        "memory": lambda network: (
            sum(values_per_scale(network, height=at.height, width=at.width)) * at.bits / 8
        ),
    }


def size_text(amount: float) -> str:
    """Bytes with three figures in a unit that options read, rounded up: `3.42MB`."""
    unit = next((u for u in ("GB", "MB", "kB") if amount >= BYTE_UNITS[u]), "B")
    return f"{_up(amount / BYTE_UNITS[unit]):f}{unit}"


def share_text(share: float) -> str:
    """A share as a percentage with a tenth, rounded down, so that a floor of it would do."""
    return f"{Decimal(share * 100).quantize(Decimal('0.1'), rounding=ROUND_FLOOR)}%"


def _up(amount: float) -> Decimal:
    return Context(prec=3, rounding=ROUND_CEILING).create_decimal_from_float(amount)
