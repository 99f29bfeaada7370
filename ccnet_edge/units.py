"""Bytes, milliseconds and shares: the one place that knows 1 MB from 1 MiB."""

from __future__ import annotations

import re

from ccnet_edge.errors import UsageError

# SI for kB, MB, GB; IEC 80000-13 for KiB, MiB, GiB.
BYTE_UNITS = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}
TIME_UNITS_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "min": 60e3, "h": 3600e3}
_NUMBER = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z%]*)\s*")


def parse_bytes(text: str) -> int:
    """Bytes in a size such as `1MB` (10⁶), `1MiB` (2²⁰) or `300 kB`.

    Raises:
        UsageError: no number, or no unit of `BYTE_UNITS`.
    """
    return int(_parse(text, BYTE_UNITS, "a size", "1MB (10⁶ bytes) or 1MiB (2²⁰ bytes)"))


def parse_ms(text: str) -> float:
    """Milliseconds in a time such as `33ms`, `0.5s` or `12min`.

    Raises:
        UsageError: no number, or no unit of `TIME_UNITS_MS`.
    """
    return _parse(text, TIME_UNITS_MS, "a time", "33ms or 0.5s")


def parse_share(text: str) -> float:
    """A share in [0, 1] written as `95%` or `0.95`.

    Raises:
        UsageError: not a number, or outside [0, 1].
    """
    match = _NUMBER.fullmatch(text)
    if match is None or match[2] not in ("", "%"):
        raise UsageError(f"a share was wanted, found {text!r}", hint="write 95% or 0.95")
    value = float(match[1]) / (100 if match[2] else 1)
    if value > 1:
        raise UsageError(
            f"a share between 0 and 1 was wanted, found {text!r}", hint="write 95% or 0.95"
        )
    return value


def format_bytes(size: float) -> str:
    """A size for people in SI units: `487 kB`, `1.00 MB`, `3.21 GB`."""
    for unit in ("GB", "MB", "kB"):
        if abs(size) >= BYTE_UNITS[unit] * 0.9995:
            return f"{size / BYTE_UNITS[unit]:.3g} {unit}"
    return f"{size:.0f} B"


def format_mib(size: float) -> str:
    """A memory size for people: `75.3 MiB`, as the system's own tools count it."""
    return f"{size / 2**20:.1f} MiB"


def format_mib_range(size: float, least: float | None, most: float | None) -> str:
    """A memory size with its interval: `75.3 MiB (73.1 to 77.6)`; without one where it is exact."""
    if least is None or most is None or least == most:
        return format_mib(size)
    return f"{format_mib(size)} ({least / 2**20:.1f} to {most / 2**20:.1f})"


def format_ms(time_ms: float) -> str:
    """A time for people, with three figures: `0.412 ms`, `33.1 ms`, `2.4 s`, `3.5 min`."""
    if time_ms < 1e3:
        return f"{time_ms:.3g} ms"
    seconds = time_ms / 1e3
    return f"{seconds:.3g} s" if seconds < 120 else f"{seconds / 60:.3g} min"


def format_threads(count: int) -> str:
    """A number of threads for people: `1 thread`, `4 threads`."""
    return "1 thread" if count == 1 else f"{count} threads"


def _parse(text: str, units: dict[str, int] | dict[str, float], what: str, example: str) -> float:
    match = _NUMBER.fullmatch(text)
    if match is None or match[2] not in units:
        raise UsageError(
            f"{what} with a unit ({', '.join(units)}) was wanted, found {text!r}",
            hint=f"write for example {example}",
        )
    return float(match[1]) * units[match[2]]
