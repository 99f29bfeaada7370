"""The system's files below a root, and the gauges that read them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ccnet_edge.spec.conditions import Unit

PROGRAM_TIMEOUT_S = 2.0


class System:
    """Files and programs of a machine whose root is `root`; a program only where that is `/`."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root

    def text(self, path: str) -> str | None:
        """A file's content without its ends' white space; None where it cannot be read."""
        try:
            content = (self._root / path.lstrip("/")).read_bytes()
        except OSError:
            return None
        return content.decode("utf-8", "replace").strip("\0\n\t ")

    def number(self, path: str) -> float | None:
        """A file's number; None where there is none."""
        try:
            return float(self.text(path) or "")
        except ValueError:
            return None

    def paths(self, pattern: str) -> list[str]:
        """Paths from the root that match, with numbers in their order."""
        found = self._root.glob(pattern.lstrip("/"))
        return sorted(("/" + path.relative_to(self._root).as_posix() for path in found), key=_key)

    def program(self, words: Sequence[str]) -> str | None:
        """What a program prints; None where it is not installed or fails."""
        if self._root != Path("/") or shutil.which(words[0]) is None:
            return None
        try:
            done = subprocess.run(
                list(words), capture_output=True, text=True, timeout=PROGRAM_TIMEOUT_S, check=True
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip()


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """A figure that can be read at any time."""

    name: str
    unit: Unit
    source: str
    read: Callable[[], float | None]


def _key(path: str) -> list[tuple[bool, int, str]]:
    return [
        (part.isdigit(), int(part) if part.isdigit() else 0, part)
        for part in re.split(r"(\d+)", path)
    ]
