"""The error tree: one class a kind of failure, each with its exit code.

    CcnetError                    1   internal error, please report
    ├── UsageError                2   options, configuration
    │   ├── ConfigError           2   a target, classes or preset file
    │   ├── DataError             2   images, masks, splits
    │   └── MissingExtraError     2   an optional library is not installed
    ├── InfeasibleError           3   no network fits; says which limit binds
    ├── BudgetExceededError       4   a budget was exceeded when measured
    ├── ParityError               5   an export's masks differ from the network's
    ├── LatencyMissedError        6   the latency objective was missed
    ├── DeviceError               7   device unreachable or failed
    ├── InvalidMeasurementError   8   too few samples, drift, or not measured where it was required
    ├── BundleRefusedError        9   archive, hash or signature refused
    └── AccuracyBelowFloorError  10   measured accuracy below the floor

A message says what was wanted, what was found and where; `hint` says what to change.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar


class CcnetError(Exception):
    """Base of every error that a person can cause or meet; `exit_code` is the process's."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(CcnetError):
    """Options that do not exist, do not go together, or name nothing."""

    exit_code = 2


class ConfigError(UsageError):
    """A file that a person wrote (target, classes, preset) is not what it has to be."""


class DataError(UsageError):
    """Images, masks or splits that cannot be used; `problems` lists every one found."""

    def __init__(self, message: str, *, problems: tuple[str, ...] = (), hint: str = "") -> None:
        lines = "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(message + lines, hint=hint)
        self.problems = problems


class MissingExtraError(UsageError):
    """A step needs a library that this installation does not have."""


class InfeasibleError(CcnetError):
    """No network is inside all limits."""

    exit_code = 3


class BudgetExceededError(CcnetError):
    """A measured size or memory is over its budget."""

    exit_code = 4


class ParityError(CcnetError):
    """An exported network does not give what the trained one gives."""

    exit_code = 5


class LatencyMissedError(CcnetError):
    """A measured latency is over its objective."""

    exit_code = 6


class DeviceError(CcnetError):
    """A device or an engine on it could not be reached or failed."""

    exit_code = 7


class InvalidMeasurementError(CcnetError):
    """A measurement that may not be reported: too few samples, drift, or made elsewhere."""

    exit_code = 8


class BundleRefusedError(CcnetError):
    """A bundle that is damaged, hostile, or not what its hashes say."""

    exit_code = 9


class AccuracyBelowFloorError(CcnetError):
    """The trained network's measured accuracy is under the floor that was asked for."""

    exit_code = 10


def unknown_key(kind: str, found: str, known: Iterable[str]) -> UsageError:
    """The error for a name that is in no table: lists the known ones and the closest match."""
    names = sorted(known)
    return UsageError(
        f"unknown {kind} {found!r}; known: {', '.join(names)}", hint=closest(found, names)
    )


def closest(found: str, known: Iterable[str]) -> str:
    """A hint naming the closest known name, or nothing where none is near."""
    matches = difflib.get_close_matches(found, list(known), n=1)
    return f"did you mean {matches[0]!r}?" if matches else ""
