"""What `doctor` found: what works on this machine, and what can be made and run for each target."""

from __future__ import annotations

from dataclasses import dataclass

from ccnet_edge.spec.target import Precision


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is here or is not; `hint` is the one command that installs it."""

    name: str
    found: bool
    detail: str
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class Section:
    """Findings of one kind."""

    title: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, kw_only=True)
class EngineFinding:
    """An engine of a target.

    Attributes:
        format: of the model file that it reads; empty where this version writes none for it.
        precisions: that the file can be written in and the target computes in.
        made: whether the file can be written here for the target; the finding says why not.
        run: whether the engine runs on this machine, which parity and tests need.
        device: what the target itself needs.
    """

    engine: str
    format: str
    precisions: tuple[Precision, ...]
    made: Finding
    run: Finding
    device: str


@dataclass(frozen=True, kw_only=True)
class TargetFinding:
    """A target's engines, the preferred one first."""

    name: str
    title: str
    engines: tuple[EngineFinding, ...]

    @property
    def preferred(self) -> EngineFinding | None:
        """The first engine that this version writes files for, which `build` takes by itself."""
        return next((found for found in self.engines if found.format), None)


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """All of it."""

    version: str
    sections: tuple[Section, ...]
    targets: tuple[TargetFinding, ...]
