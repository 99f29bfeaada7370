"""A device profile as text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ccnet_edge.spec.target import DeviceProfile
from ccnet_edge.units import format_bytes, format_mib, format_ms


@dataclass(frozen=True, kw_only=True)
class ProfileList:
    """What `targets list --json` prints."""

    targets: tuple[DeviceProfile, ...]


def profile_line(profile: DeviceProfile) -> tuple[str, str]:
    """The profile's names, and its title with its default budgets."""
    names = ", ".join((profile.name, *profile.aliases))
    return names, f"{profile.title}: {_budgets(profile)}"


def profile_text(profile: DeviceProfile, path: Path) -> str:
    """Everything that a profile says, and the file that says it."""
    speed = profile.gmacs_per_s
    rows = [
        ("file", str(path)),
        ("processor", f"{profile.processor} ({profile.instruction_set}, {profile.cores} cores)"),
        ("speed", "not known" if speed is None else f"{speed:g} G multiply-adds/s (estimate)"),
        ("memory", format_mib(profile.memory_bytes)),
        *(("  reserved", f"{format_mib(r.memory_bytes)}: {r.what}") for r in profile.reserved),
        ("  left", format_mib(profile.available_bytes)),
        ("budgets", _budgets(profile)),
        ("engines", ", ".join(profile.engines)),
        ("precisions", ", ".join(profile.precisions)),
        ("channels", f"multiples of {profile.channel_alignment}"),
        ("runtime", _runtime(profile)),
        ("reached", _connection(profile)),
    ]
    head = ", ".join((profile.name, *profile.aliases))
    lines = "\n".join(f"  {name:<12}{text}" for name, text in rows)
    return f"{head}: {profile.title}\n{lines}"


def _budgets(profile: DeviceProfile) -> str:
    budgets = profile.budgets
    found = (
        ("disk", budgets.disk_bytes and format_bytes(budgets.disk_bytes)),
        ("ram", budgets.ram_bytes and format_bytes(budgets.ram_bytes)),
        ("latency", budgets.latency_ms and format_ms(budgets.latency_ms)),
    )
    return ", ".join(f"{name} {text}" for name, text in found if text) or "none"


def _runtime(profile: DeviceProfile) -> str:
    if profile.python is None:
        return "none of ours: takes model artefacts as they are"
    return f"Python {profile.python} or newer"


def _connection(profile: DeviceProfile) -> str:
    to = profile.connection
    if to.kind == "local":
        return "this machine"
    if to.kind == "adb":
        return f"adb, {to.host or 'serial not set'}"
    return f"ssh, {to.host or 'host not set'}, port {to.port}"
