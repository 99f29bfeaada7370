"""The cores' clocks: cpufreq's, a series a kind of core, or what /proc/cpuinfo says."""

from __future__ import annotations

import re

from ccnet_edge.device.conditions.system import Gauge, System

POLICIES = "/sys/devices/system/cpu/cpufreq/policy*"
CPUINFO = "/proc/cpuinfo"
MHZ = re.compile(r"^cpu MHz\s*: ([0-9.]+)$", re.MULTILINE)


def find_clocks(system: System) -> list[Gauge]:
    """The fastest core's clock, in MHz, for every kind of core.

    Cores of a kind have the same highest clock (cpuinfo_max_freq); which one works changes.
    """
    kinds: dict[float, list[str]] = {}
    for policy in system.paths(POLICIES):
        if system.number(f"{policy}/scaling_cur_freq") is not None:
            highest = system.number(f"{policy}/cpuinfo_max_freq") or 0.0
            kinds.setdefault(highest, []).append(f"{policy}/scaling_cur_freq")
    if kinds:
        return [_fastest(system, highest, files) for highest, files in sorted(kinds.items())]
    if _cpuinfo_mhz(system) is None:
        return []
    return [
        Gauge(name="fastest core", unit="MHz", source=CPUINFO, read=lambda: _cpuinfo_mhz(system))
    ]


def governor(system: System) -> str:
    """The clock's governor: `performance`, or several with commas; "" where none is shown."""
    found = {system.text(f"{policy}/scaling_governor") for policy in system.paths(POLICIES)}
    return ", ".join(sorted(name for name in found if name))


def _fastest(system: System, highest: float, files: list[str]) -> Gauge:
    def read() -> float | None:
        # In kHz.
        clocks = [clock for file in files if (clock := system.number(file)) is not None]
        return max(clocks) / 1e3 if clocks else None

    name = f"fastest core of up to {highest / 1e3:.0f} MHz" if highest else "fastest core"
    return Gauge(name=name, unit="MHz", source=files[0], read=read)


def _cpuinfo_mhz(system: System) -> float | None:
    """x86 only; in a virtual machine it is most often a constant."""
    clocks = MHZ.findall(system.text(CPUINFO) or "")
    return max(map(float, clocks), default=None)
