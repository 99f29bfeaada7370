"""What a command of the wing said as it failed: the inverse of how its errors are printed."""

from __future__ import annotations

HINT, ERROR = "hint:", "error:"


def read_failure(text: str) -> tuple[list[str], str]:
    """The lines of its message, and its hint, from what it wrote to standard error.

    Without lines where it said nothing; without a hint where it had none.
    """
    lines = text.strip().splitlines()
    hints = [line.removeprefix(HINT).strip() for line in lines if line.startswith(HINT)]
    said = [line.removeprefix(ERROR).strip() for line in lines if not line.startswith(HINT)]
    return said, hints[0] if hints else ""
