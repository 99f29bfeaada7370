"""Verdicts on networks that agree with each other: where one fits, every smaller one does."""

from __future__ import annotations

from collections.abc import Callable

Widths = tuple[int, ...]


class Closed:
    """`fits` as the search needs it; it is asked only where no verdict so far settles it.

    Where `fits` itself is closed downwards the answers are its own.
    """

    def __init__(self, fits: Callable[[Widths], bool]) -> None:
        self._fits = fits
        self._inside: list[Widths] = []
        self._outside: list[Widths] = []

    def __call__(self, widths: Widths) -> bool:
        """Whether a network of these widths is taken to fit."""
        if any(_within(widths, larger) for larger in self._inside):
            return True
        if any(_within(smaller, widths) for smaller in self._outside):
            return False
        verdict = self._fits(widths)
        (self._inside if verdict else self._outside).append(widths)
        return verdict

    def refuse(self, widths: Widths) -> None:
        """Take these widths not to fit from now on, whatever larger network was found to."""
        self._inside = [other for other in self._inside if not _within(widths, other)]
        self._outside.append(widths)


def _within(small: Widths, large: Widths) -> bool:
    return all(a <= b for a, b in zip(small, large, strict=True))
