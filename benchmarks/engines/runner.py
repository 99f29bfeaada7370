"""Starting a runner, and reading what it prints; its conventions are in the package's docstring."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TIMEOUT_S = 600.0
PEAK = "peak_bytes"


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What a runner printed: milliseconds of each inference, and VmHWM of its process."""

    ms: list[float]
    peak_bytes: int


def run_program(
    command: Sequence[str | Path],
    *,
    size: int,
    threads: int,
    runs: int,
    ends: tuple[Path, Path],
) -> Ran:
    """Run a runner on the image in the first of `ends`; it writes its logits to the second.

    Raises:
        RuntimeError: it failed, with the end of what it printed.
    """
    flags = {"size": size, "threads": threads, "bench": runs, "input": ends[0], "output": ends[1]}
    words = [*command, *(str(word) for name in flags for word in (f"--{name}", flags[name]))]
    done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if done.returncode:
        raise RuntimeError(f"the runner ended with {done.returncode}: {done.stderr[-500:]}")
    lines = done.stdout.split("\n")
    (peak,) = (line.split()[1] for line in lines if line.startswith(PEAK))
    return Ran(ms=[float(line) for line in lines if _is_number(line)], peak_bytes=int(peak))


def _is_number(line: str) -> bool:
    return line.replace(".", "", 1).isdigit()
