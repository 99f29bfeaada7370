"""How often `bench A --against B` errs: a model with itself, and with itself slowed by 5 %.

    python -m benchmarks.against MODEL [--comparisons 100] [--work build/against]

MODEL is what `bench` takes: a bundle, a build directory, an ONNX file or a .ccnet, on one thread.

Comparisons are kept in the work folder, one file each, and the ones that are there are not made
again: it can be stopped at any time, and the same command goes on. About 15 s for each on a quiet
machine, so 50 minutes for 100 of both kinds. The two kinds alternate, so that they meet the same
machine.

The launches of all comparisons are then drawn from anew, to say what would be found of slowdowns
that were not tried.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from scipy.stats import binomtest

from benchmarks.protocol import write_result
from ccnet_edge.bench import Subject, open_subject
from ccnet_edge.device.against import compare, worker_command
from ccnet_edge.device.slowness import LOOKS, SLOWDOWN, decide
from ccnet_edge.errors import ConfigError, InvalidMeasurementError
from ccnet_edge.spec import serial
from ccnet_edge.spec.comparison import Comparison, Contestant, Pair, Verdict
from ccnet_edge.spec.report import Environment

Kind = Literal["equal", "slowed"]
FACTORS: dict[Kind, float] = {"equal": 1.0, "slowed": 1 + SLOWDOWN}
# Slowdowns whose verdicts are drawn from the launches that were recorded, and how often each.
DRAWN, DRAWS = (0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.07, 0.10), 2000


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A comparison as it lies in the work folder; `load_average` is that of its last minute."""

    kind: Kind
    load_average: float
    comparison: Comparison


@dataclass(frozen=True, kw_only=True)
class Share:
    """`count` of `of`, with the exact 95 % interval of Clopper and Pearson."""

    count: int
    of: int
    lower: float
    upper: float


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """All comparisons of one kind.

    `launch_spread` is the standard deviation of the launches' log ratios, `wall_spread` that of
    the same launches where waiting for a processor stays in; `seconds` is a comparison's median.
    """

    kind: Kind
    slower: Share
    not_slower: Share
    undecided: Share
    launches: int
    launch_spread: float
    wall_spread: float
    seconds: float
    load_average: float
    ratios: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What the recorded launches, drawn with replacement, give at another slowdown."""

    slowdown: float
    slower: float
    undecided: float
    launches: float


@dataclass(frozen=True, kw_only=True)
class AgainstFigures:
    """The experiment; `p50_ms` is an inference of the plain model, one thread."""

    model: str
    model_sha256: str
    p50_ms: float
    outcomes: tuple[Outcomes, ...]
    drawn: tuple[Drawn, ...]


def main() -> None:
    """Compare, and write results/against.json at the end, whether it was reached or not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, metavar="MODEL")
    parser.add_argument("--comparisons", type=int, default=100, metavar="N", help="of each kind")
    parser.add_argument("--work", type=Path, default=Path("build/against"))
    arguments = parser.parse_args()
    with open_subject(arguments.model) as subject:
        digest = serial.file_sha256(subject.model)
        work = arguments.work / digest[:12]
        try:
            for number in range(arguments.comparisons):
                for kind in FACTORS:
                    found = kept(kind, number, subject, work)
                    print(f"{kind:<6}  {number:>3}  {line(found.comparison)}", flush=True)
        finally:
            figures = figures_of(work, model=subject.name, sha256=digest)
            print(f"wrote {write_result('against', figures, found=machine(work))}")


def line(found: Comparison) -> str:
    """One comparison for people."""
    return f"{found.verdict:<10}  {found.ratio:.4f}  {found.seconds:.0f} s"


def kept(kind: Kind, number: int, subject: Subject, work: Path) -> Kept:
    """The comparison of this kind and number: from the work folder, or made now and kept there."""
    path = work / f"{kind}-{number:03}.json"
    try:
        return serial.load(Kept, path)
    except ConfigError:
        b = Contestant(
            name=subject.name,
            file=subject.model.name,
            options=replace(subject.options, threads=1),
            shape=subject.shape,
        )
        plain = worker_command(subject.model, b)
        a = plain if kind == "equal" else slowed_command(subject.model, b)
        found = Kept(
            kind=kind,
            comparison=compare(Pair(a=replace(b, name=kind), b=b), (a, plain), seed=number),
            load_average=os.getloadavg()[0],
        )
        serial.save(found, path)
        return found


def slowed_command(model: Path, contestant: Contestant) -> list[str]:
    """The command that starts a worker whose inferences take 1.05 times as long."""
    shape = ",".join(map(str, contestant.shape))
    options = json.dumps(serial.plain(contestant.options))
    factor = str(FACTORS["slowed"])
    return [sys.executable, "-m", "benchmarks.slowed", str(model), shape, options, factor]


def all_kept(work: Path) -> list[Kept]:
    """Every comparison that the work folder holds."""
    return [serial.load(Kept, path) for path in sorted(work.glob("*.json"))]


def machine(work: Path) -> Environment:
    """The machine that made them all.

    Raises:
        InvalidMeasurementError: there were several, or other versions.
    """
    found = {each.comparison.environment for each in all_kept(work)}
    if len(found) != 1:
        raise InvalidMeasurementError(
            f"{work}: comparisons of one machine and its versions were wanted, found {len(found)}",
            hint="give another --work",
        )
    return found.pop()


def figures_of(work: Path, *, model: str, sha256: str) -> AgainstFigures:
    """The figures of all that the work folder holds."""
    found = all_kept(work)
    kinds = [kind for kind in FACTORS if any(each.kind == kind for each in found)]
    outcomes = [outcomes_of(kind, [e for e in found if e.kind == kind]) for kind in kinds]
    return AgainstFigures(
        model=model,
        model_sha256=sha256,
        p50_ms=statistics.median(e.comparison.launches[0].b_ms for e in found),
        outcomes=tuple(outcomes),
        drawn=draw(centred(found)),
    )


def outcomes_of(kind: Kind, found: Sequence[Kept]) -> Outcomes:
    """Counts and spreads of one kind."""

    def share(verdict: Verdict) -> Share:
        count = sum(each.comparison.verdict == verdict for each in found)
        interval = binomtest(count, len(found)).proportion_ci(0.95, method="exact")
        return Share(
            count=count, of=len(found), lower=float(interval.low), upper=float(interval.high)
        )

    launches = [launch for each in found for launch in each.comparison.launches]
    return Outcomes(
        kind=kind,
        slower=share("slower"),
        not_slower=share("not slower"),
        undecided=share("undecided"),
        launches=len(launches),
        launch_spread=statistics.stdev(math.log(launch.ratio) for launch in launches),
        wall_spread=statistics.stdev(math.log(launch.wall_ratio) for launch in launches),
        seconds=statistics.median(each.comparison.seconds for each in found),
        load_average=statistics.median(each.load_average for each in found),
        ratios=tuple(round(each.comparison.ratio, 5) for each in found),
    )


def centred(found: Sequence[Kept]) -> list[float]:
    """The log ratios of all launches, each less the median of its kind."""
    noise: list[float] = []
    for kind in FACTORS:
        logs = [
            math.log(launch.ratio)
            for each in found
            if each.kind == kind
            for launch in each.comparison.launches
        ]
        noise += [log - statistics.median(logs) for log in logs]
    return noise


def draw(noise: Sequence[float], *, draws: int = DRAWS) -> tuple[Drawn, ...]:
    """Verdicts of comparisons whose launches are drawn from `noise`, by slowdown."""
    chance = random.Random(0)

    def once(slowdown: float) -> tuple[Verdict, int]:
        ratios: list[float] = []
        while len(ratios) < max(LOOKS):
            ratios.append((1 + slowdown) * math.exp(chance.choice(noise)))
            if (verdict := decide(ratios)) != "undecided":
                return verdict, len(ratios)
        return "undecided", len(ratios)

    def many(slowdown: float) -> Drawn:
        ended = [once(slowdown) for _ in range(draws)]
        return Drawn(
            slowdown=slowdown,
            slower=sum(verdict == "slower" for verdict, _ in ended) / draws,
            undecided=sum(verdict == "undecided" for verdict, _ in ended) / draws,
            launches=statistics.mean(count for _, count in ended),
        )

    return tuple(many(slowdown) for slowdown in DRAWN)


if __name__ == "__main__":
    main()
