"""`make demo` as a new user does it: a clean clone, no environment, the built-in sample data.

    python -m benchmarks.demo

Clones this checkout's last commit into a new folder, runs `make demo` there, and reads what the
build says of itself. The two other kinds of sample are built with the same environment.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.protocol import write_result
from ccnet_edge.spec import serial
from ccnet_edge.spec.build import BuildSummary, StageTime

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, kw_only=True)
class SampleBuild:
    """One build of built-in data: wall time in seconds, what it reached on the test split."""

    kind: str
    seconds: float
    stages: tuple[StageTime, ...]
    widths: tuple[int, ...]
    f1: float | None
    file_bytes: int
    archive_bytes: int
    predicted_ram_bytes: int | None
    peak_bytes: int
    p50_ms: float | None


@dataclass(frozen=True, kw_only=True)
class DemoFigures:
    """`make demo` from clone to bundle, in seconds of wall time, and the builds."""

    total_s: float
    installation_s: float
    builds: tuple[SampleBuild, ...]


def main() -> None:
    """Measure and write results/demo.json."""
    with tempfile.TemporaryDirectory(prefix="ccnet-") as aside:
        clone = Path(aside) / "ccnet-edge"
        start = time.monotonic()
        run("git", "clone", "--quiet", str(ROOT), str(clone), cwd=Path(aside))
        run("make", ".venv/.installed", cwd=clone)
        installed = time.monotonic()
        run("make", "demo", cwd=clone)
        total_s, installation_s = time.monotonic() - start, installed - start
        builds = [described("cells", clone / "build/demo", time.monotonic() - installed)]
        for kind in ("vessels", "lesion"):
            before = time.monotonic()
            out = clone / "build" / kind
            command = (".venv/bin/ccnet-edge", "build", "--target", "jetson", "--sample", kind)
            run(*command, "-o", str(out), cwd=clone)
            builds.append(described(kind, out, time.monotonic() - before))
    figures = DemoFigures(
        total_s=round(total_s, 1), installation_s=round(installation_s, 1), builds=tuple(builds)
    )
    print(f"make demo: {total_s:.0f} s, of which {installation_s:.0f} s install")
    print(f"wrote {write_result('demo', figures)}")


def run(*words: str, cwd: Path) -> None:
    """Run a command; what it says is shown where it fails."""
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stderr}")


def described(kind: str, out: Path, seconds: float) -> SampleBuild:
    """What the build in `out` says of itself."""
    summary = serial.load(BuildSummary, out / "summary.json")
    f1 = summary.evaluation.pooled.f1
    print(f"{kind}: {seconds:.0f} s, F1 {f1}")
    return SampleBuild(
        kind=kind,
        seconds=round(seconds, 1),
        stages=summary.times,
        widths=summary.solution.widths,
        f1=f1,
        file_bytes=summary.artifacts[0].size_bytes,
        archive_bytes=summary.archive_bytes,
        predicted_ram_bytes=summary.solution.estimate.ram_bytes,
        peak_bytes=summary.memory.peak_bytes,
        p50_ms=summary.latency.percentile_ms(50),
    )


if __name__ == "__main__":
    main()
