"""How every benchmark here measures: interleaved repeats, medians, paired ratios, environment.

    timings = interleave({"plain": plain, "ours": ours}, repeats=7)
    ratio = paired_ratio(timings["plain"], timings["ours"])     # how many times faster ours is
    write_result("measuring", MeasuringFigures(…, speed_up=ratio))

The machine is rarely alone, so the workloads take turns: what slows one round slows all of them
alike, and a ratio is taken round by round before its median. Processor time stands beside wall
time because the wall's also counts other people's work.
"""

from __future__ import annotations

import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ccnet_edge.device.environment import environment
from ccnet_edge.spec import serial
from ccnet_edge.spec.report import Environment

RESULTS = Path(__file__).parent / "results"
Clock = Literal["wall", "cpu"]


@dataclass(frozen=True, kw_only=True)
class Timing:
    """One workload's times, a round each, in seconds.

    `cpu_s` is user and system time of this process, its threads, and the child processes that
    ended during the round.
    """

    wall_s: tuple[float, ...]
    cpu_s: tuple[float, ...]

    def rounds_s(self, clock: Clock) -> tuple[float, ...]:
        """The times of all rounds by one clock."""
        return self.wall_s if clock == "wall" else self.cpu_s

    def median_s(self, clock: Clock) -> float:
        """The median over the rounds."""
        return statistics.median(self.rounds_s(clock))


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """A ratio of two workloads' times taken round by round: its median and its spread."""

    median: float
    lowest: float
    highest: float


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a results file holds: figures, and the machine and versions that gave them.

    `load_average` is of the last minute: how many processes wanted to run while this was
    measured. More than the machine has cores is a machine that was not alone.
    """

    name: str
    command: str
    environment: Environment
    load_average: float
    figures: object


def interleave(
    workloads: Mapping[str, Callable[[], object]], *, repeats: int, warm_up: int = 1
) -> dict[str, Timing]:
    """Time every workload `repeats` times, in turns, after `warm_up` rounds that do not count.

    Every other round goes backwards, so that no workload always follows the same one.
    """
    names = list(workloads)
    wall: dict[str, list[float]] = {name: [] for name in names}
    cpu: dict[str, list[float]] = {name: [] for name in names}
    for number in range(-warm_up, repeats):
        for name in names if number % 2 == 0 else reversed(names):
            wall_s, cpu_s = _time(workloads[name])
            if number >= 0:
                wall[name].append(wall_s)
                cpu[name].append(cpu_s)
    return {name: Timing(wall_s=tuple(wall[name]), cpu_s=tuple(cpu[name])) for name in names}


def paired_ratio(numerator: Timing, denominator: Timing, *, clock: Clock = "wall") -> Ratio:
    """`numerator` / `denominator`, round by round: a speed-up where the numerator is slower."""
    ratios = [
        a / b for a, b in zip(numerator.rounds_s(clock), denominator.rounds_s(clock), strict=True)
    ]
    return Ratio(median=statistics.median(ratios), lowest=min(ratios), highest=max(ratios))


def write_result(name: str, figures: object, *, found: Environment | None = None) -> Path:
    """Write `figures` (a dataclass) to results/<name>.json with command and environment.

    Args:
        found: the environment of another machine, where the figures came from there.
    """
    result = Result(
        name=name,
        command=f"python -m {_module()}",
        environment=found or environment(),
        load_average=os.getloadavg()[0],
        figures=figures,
    )
    return serial.save(result, RESULTS / f"{name}.json")


def _module() -> str:
    """The module that was started, or its package where that has a `__main__`."""
    spec = sys.modules["__main__"].__spec__
    return spec.name.removesuffix(".__main__") if spec else f"benchmarks.{Path(sys.argv[0]).stem}"


def _time(workload: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), _cpu_s()
    workload()
    return time.perf_counter() - wall, _cpu_s() - cpu


def _cpu_s() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
