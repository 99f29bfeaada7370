"""Signs that the processor is held back: by heat, its supply, its power limit, or a quota."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ccnet_edge.device.conditions.system import System

# Intel: interrupts of the processor's thermal sensors since boot (Documentation/admin-guide/
# abi-stable: thermal_throttle).
INTEL = "/sys/devices/system/cpu/cpu*/thermal_throttle/*_throttle_count"
# NVIDIA Jetson: over-current events (Jetson Linux Developer Guide, "Electrical Management").
JETSON = "/sys/class/hwmon/hwmon*/oc*_event_cnt"
# A control group's quota, of version 2 and of 1 (Documentation/admin-guide/cgroup-v2.rst).
QUOTA = ("/sys/fs/cgroup/cpu.stat", "/sys/fs/cgroup/cpu/cpu.stat")
HELD_BACK = re.compile(r"^nr_throttled (\d+)$", re.MULTILINE)
# The kernel's own thermal governor, on any board: a cooling device that lowers the clock.
COOLING = "/sys/class/thermal/cooling_device*"
CLOCK_COOLERS = ("cpufreq-", "thermal-cpufreq-", "Processor", "cpu-throttle", "intel_powerclamp")
# Raspberry Pi: the firmware's bits (raspberrypi.com/documentation, "get_throttled"). Those from
# 16 on say that it has happened since boot.
PI = "/sys/devices/platform/soc*/soc*:firmware/get_throttled"
PI_PROGRAM = ("vcgencmd", "get_throttled")
PI_BITS = {
    0: "under-voltage",
    1: "the clock is capped",
    2: "throttled",
    3: "at the soft temperature limit",
}
PI_SINCE_BOOT = 16


@dataclass(frozen=True, kw_only=True)
class Sign:
    """A figure, and what it says now that it was `first` at the beginning: "" for nothing."""

    source: str
    read: Callable[[], float | None]
    says: Callable[[float, float], str]


def find_signs(system: System) -> list[Sign]:
    """Everything here that says when the processor is held back."""
    counted = [_counter(system, pattern) for pattern in (INTEL, JETSON)]
    found = (*counted, *_quotas(system), *_coolers(system), *_pi(system))
    return [sign for sign in found if sign.read() is not None]


def _counter(system: System, pattern: str) -> Sign:
    """The sum of all files that match."""
    files = system.paths(pattern)

    def read() -> float | None:
        counts = [count for file in files if (count := system.number(file)) is not None]
        return sum(counts) if counts else None

    return Sign(source=pattern, read=read, says=_more)


def _more(first: float, now: float) -> str:
    return f"{now - first:.0f} throttling events" if now > first else ""


def _quotas(system: System) -> list[Sign]:
    return [_quota(system, path) for path in QUOTA]


def _quota(system: System, path: str) -> Sign:
    def read() -> float | None:
        match = HELD_BACK.search(system.text(path) or "")
        return float(match[1]) if match else None

    def says(first: float, now: float) -> str:
        return f"held back {now - first:.0f} times by a processor quota" if now > first else ""

    return Sign(source=path, read=read, says=says)


def _coolers(system: System) -> list[Sign]:
    found = []
    for device in system.paths(COOLING):
        kind = system.text(f"{device}/type") or ""
        if kind.startswith(CLOCK_COOLERS):
            found.append(_cooler(system, f"{device}/cur_state", kind))
    return found


def _cooler(system: System, source: str, kind: str) -> Sign:
    return Sign(source=source, read=lambda: system.number(source), says=_state(kind))


def _state(kind: str) -> Callable[[float, float], str]:
    # Idle powerclamp says −1.
    return lambda _first, now: f"{kind} holds the clock back (state {now:.0f})" if now > 0 else ""


def _pi(system: System) -> list[Sign]:
    files = system.paths(PI)

    def read() -> float | None:
        return _hexadecimal(system.text(files[0]) if files else system.program(PI_PROGRAM))

    return [Sign(source=files[0] if files else " ".join(PI_PROGRAM), read=read, says=_bits)]


def _hexadecimal(text: str | None) -> float | None:
    """`throttled=0x50005`, as the program prints it, or `50005`, as the file has it."""
    try:
        return float(int((text or "").rpartition("=")[2], 16))
    except ValueError:
        return None


def _bits(first: float, now: float) -> str:
    """Bits that are set now, or that say that something has happened and did not at first."""
    new = int(now) & ~int(first)
    said = [
        name
        for bit, name in PI_BITS.items()
        if int(now) >> bit & 1 or new >> bit + PI_SINCE_BOOT & 1
    ]
    return ", ".join(said)
