"""Limits against measurements: what may be judged here, and what only the target can say."""

from __future__ import annotations

import platform
from typing import Literal

from ccnet_edge.errors import UsageError
from ccnet_edge.spec.report import Environment, Gate, GateStatus, LatencyReport, MemoryReport
from ccnet_edge.spec.target import DeviceProfile

# What the system calls an instruction set → what targets call it.
INSTRUCTION_SETS = {"amd64": "x86_64", "arm64": "aarch64"}
# The percentile that a latency budget is about.
LATENCY_RANK = 90.0


def is_target(profile: DeviceProfile) -> bool:
    """This machine counts as the target without anybody saying so.

    Only where the profile says that the target is the local machine, and it has the
    instruction set; a board is not told from another by anything a program can trust.
    """
    return profile.connection.kind == "local" and instruction_set() == profile.instruction_set


def claimed_target(profile: DeviceProfile, *, said: bool) -> bool:
    """Whether this machine is the target: it was said, or counts as it without being said.

    Raises:
        UsageError: it was said of a machine with another instruction set.
    """
    if said and instruction_set() != profile.instruction_set:
        raise UsageError(
            f"--on-target: {profile.title} has the instruction set {profile.instruction_set}, "
            f"this machine {instruction_set()}",
            hint="run it on the device, or without --on-target",
        )
    return said or is_target(profile)


def instruction_set() -> str:
    """This machine's instruction set, by the name that targets use."""
    machine = platform.machine().lower()
    return INSTRUCTION_SETS.get(machine, machine)


def place(environment: Environment) -> str:
    """A machine's name in a gate."""
    return f"{environment.processor} ({environment.machine}, {environment.cores} cores)"


def disk_gate(size_bytes: int, *, limit: float | None, where: str) -> Gate:
    """The model file's bytes: the same on every machine."""
    return _gate("disk", measured=size_bytes, limit=limit, unit="bytes", where=where, here=True)


def ram_gate(report: MemoryReport | None, *, limit: float | None, on_target: bool) -> Gate:
    """Peak memory of the process, judged only on the target."""
    return _gate(
        "ram",
        measured=report.peak_bytes if report is not None else None,
        limit=limit,
        unit="bytes",
        where=place(report.environment) if report is not None else "",
        here=on_target,
    )


def latency_gate(report: LatencyReport | None, *, limit: float | None, on_target: bool) -> Gate:
    """The p90 of one inference, judged only on the target, and only where it is valid."""
    return _gate(
        "latency",
        measured=report.percentile_ms(LATENCY_RANK) if report is not None else None,
        limit=limit,
        unit="ms",
        where=place(report.environment) if report is not None else "",
        here=on_target and report is not None and report.valid,
        note="; ".join(report.problems) if report is not None else "",
    )


def _gate(
    name: Literal["disk", "ram", "latency"],
    *,
    measured: float | None,
    limit: float | None,
    unit: Literal["bytes", "ms"],
    where: str,
    here: bool,
    note: str = "",
) -> Gate:
    def status() -> GateStatus:
        if limit is None:
            return "no limit"
        if measured is None or not here:
            return "not verified on target"
        return "passed" if measured <= limit else "failed"

    return Gate(
        name=name,
        status=status(),
        measured=measured,
        limit=limit,
        unit=unit,
        where=where,
        note=note if measured is not None or note else "not measured",
    )
