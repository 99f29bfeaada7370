"""How long work says where it is: a callback, and one that says nothing."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called with a stage's name, steps done of a total, and a short note."""

    def __call__(self, stage: str, *, done: int, total: int, note: str = "") -> None:
        """Take note of progress; must not raise."""


def silent(stage: str, *, done: int, total: int, note: str = "") -> None:
    """The progress of callers that do not want to know."""
