"""How long a person waits for the command line: `--help` and `plan`, in fresh processes.

    python -m benchmarks.startup [--repeats 15]

Beside them stands a bare Python that imports click and numpy, which is the least that such a
program costs, and one that imports torch, which is what planning would cost with it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.protocol import interleave, write_result

COMMAND = Path(sys.executable).with_name("ccnet-edge")
PLAN = (
    "plan", "--target", "jetson", "--size", "512", "--channels", "3",
    "--complexity", "0.0362,0.0303,0.0284,0.0269,0.0255",
)  # fmt: skip
PROCESSES: dict[str, Sequence[str]] = {
    "ccnet-edge --help": (str(COMMAND), "--help"),
    "ccnet-edge plan": (str(COMMAND), *PLAN),
    "import click, numpy": (sys.executable, "-c", "import click, numpy"),
    "import torch": (sys.executable, "-c", "import torch"),
}


@dataclass(frozen=True, kw_only=True)
class Started:
    """One command's times over all repeats, in seconds of wall time, and what it imported.

    `torch` says whether torch was among it.
    """

    command: str
    median_s: float
    lowest_s: float
    highest_s: float
    torch: bool


@dataclass(frozen=True, kw_only=True)
class StartupFigures:
    """All commands, measured in turns."""

    repeats: int
    commands: tuple[Started, ...]


def main() -> None:
    """Measure and write results/startup.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()
    timings = interleave(
        {name: started(words) for name, words in PROCESSES.items()}, repeats=arguments.repeats
    )
    commands = tuple(
        Started(
            command=name,
            median_s=round(timing.median_s("wall"), 4),
            lowest_s=round(min(timing.wall_s), 4),
            highest_s=round(max(timing.wall_s), 4),
            torch=imports_torch(PROCESSES[name]),
        )
        for name, timing in timings.items()
    )
    for found in commands:
        print(f"{found.command:<22} {found.median_s:.3f} s, torch imported: {found.torch}")
    figures = StartupFigures(repeats=arguments.repeats, commands=commands)
    print(f"wrote {write_result('startup', figures)}")


def started(words: Sequence[str]) -> Callable[[], None]:
    """A run of the command, from its start to its end."""

    def run() -> None:
        subprocess.run(words, check=True, capture_output=True)

    return run


def imports_torch(words: Sequence[str]) -> bool:
    """Whether the command imports torch, by Python's own account."""
    verbose = (
        sys.executable,
        "-X",
        "importtime",
        *(words[1:] if words[0] == sys.executable else words),
    )
    done = subprocess.run(verbose, check=True, capture_output=True, text=True)
    return any(line.split("|")[-1].strip() == "torch" for line in done.stderr.splitlines())


if __name__ == "__main__":
    main()
