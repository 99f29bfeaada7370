"""How long one inference takes: load, first, warm-up, then samples until there are enough."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.device.backends import Session, load_engine
from ccnet_edge.device.conditions.judge import changes, disturbances
from ccnet_edge.device.environment import environment
from ccnet_edge.device.percentiles import RANKS, needed_samples, percentiles
from ccnet_edge.device.steady import DRIFT_LIMIT, STEADY_LIMIT, drift, steady_from, windows
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.conditions import Conditions
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.spec.report import LatencyReport

# Without the p90, which budgets are about, a run says nothing.
VALID_RANK = 90.0
WARM_UP = 10
TIME_LIMIT_S = 60.0
# From MLPerf's shortest run on, 600 s, a machine is asked for what it keeps up: throttling is then
# part of the answer, and what comes before the steady state does not count.
LASTING_S = 600.0
# A sample's resolution: a tenth of a microsecond.
DECIMALS = 4

Clock = Callable[[], float]


class Watch(Protocol):
    """Looks at the machine meanwhile."""

    def begin(self) -> None:
        """What is seen from now on counts."""

    def end(self) -> Conditions:
        """What was seen since `begin`."""


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How long to measure.

    `samples` are as many inferences; `duration_s` is for so long, and until there is a p90.
    Without either, as many samples as the highest percentile needs that `time_limit_s` has room
    for, and never fewer than the p90 needs.
    """

    samples: int | None = None
    duration_s: float | None = None
    time_limit_s: float = TIME_LIMIT_S

    @property
    def lasting(self) -> bool:
        """Long enough for a machine to heat up."""
        return self.duration_s is not None and self.duration_s >= LASTING_S


STANDARD = Extent()


def time_model(
    model: Path | bytes,
    options: SessionOptions,
    *,
    shape: Sequence[int],
    warm_up: int = WARM_UP,
    extent: Extent = STANDARD,
    watch: Watch | None = None,
    progress: Progress = silent,
) -> LatencyReport:
    """Times of a model on this machine, loading included.

    The engine's library is imported before the clock starts: `load_ms` is the model's.

    Args:
        model: the model file, or its content.
        options: the engine and how it is set up.
        shape: of the input, [1, C, H, W].
        warm_up: see `time_session`, as for the rest.
    """
    opener = load_engine(options.engine)
    start = time.perf_counter()
    session = opener(model, options)
    load_ms = (time.perf_counter() - start) * 1e3
    try:
        return time_session(
            session,
            noise(shape),
            load_ms=load_ms,
            warm_up=warm_up,
            extent=extent,
            watch=watch,
            progress=progress,
        )
    finally:
        session.close()


def time_session(
    session: Session,
    x: NDArray[np.float32],
    *,
    load_ms: float,
    warm_up: int = WARM_UP,
    extent: Extent = STANDARD,
    clock: Clock = time.perf_counter,
    watch: Watch | None = None,
    progress: Progress = silent,
) -> LatencyReport:
    """Times of a session that has not run yet, one inference after the other.

    Args:
        session: just opened, so that its first inference is the first.
        x: [1, C, H, W] float32.
        load_ms: what opening it took.
        warm_up: inferences after the first that are not counted.
        extent: how long to measure.
        clock: seconds, monotonic.
        watch: looks at the machine while samples are taken; None where nothing does, and then
            nothing that it would see is judged.
        progress: told about stage "time".
    """

    def once() -> float:
        start = clock()
        session.run(x)
        return (clock() - start) * 1e3

    first_ms = once()
    warm = [once() for _ in range(warm_up)]
    if watch is not None:
        watch.begin()
    if extent.duration_s is not None:
        times = _for(extent.duration_s, once, clock=clock, progress=progress)
    else:
        count = extent.samples or count_for(warm or [first_ms], extent.time_limit_s)
        times = _times(count, once, progress=progress)
    conditions = watch.end() if watch is not None else None
    return report_of(
        tuple(round(each, DECIMALS) for each in times),
        load_ms=load_ms,
        first_ms=first_ms,
        warm_up=warm_up,
        extent=extent,
        conditions=conditions,
    )


def noise(shape: Sequence[int]) -> NDArray[np.float32]:
    """An input like a normalised image, the same in every process: [1, C, H, W] float32.

    Multiplicative hashing (Knuth, TAOCP 3, 6.4) of the positions, uniform with mean 0 and
    variance 1. NOTE: numpy.random would do, but importing it loads OpenSSL and more, 5 MiB
    that a memory measurement would take for the model's.
    """
    hashed = np.arange(math.prod(shape), dtype=np.uint32)
    hashed *= np.uint32(2_654_435_761)
    uniform = hashed.astype(np.float32).reshape(tuple(shape))
    uniform *= np.float32(math.sqrt(12) / 2**32)
    uniform -= np.float32(math.sqrt(3))
    return uniform


def _times(count: int, once: Callable[[], float], *, progress: Progress) -> list[float]:
    times: list[float] = []
    for i in range(count):
        times.append(once())
        progress("time", done=i + 1, total=count, note=f"{times[-1]:.3g} ms")
    return times


def _for(
    duration_s: float, once: Callable[[], float], *, clock: Clock, progress: Progress
) -> list[float]:
    """Samples for so long, and until there are as many as a p90 needs."""
    least, whole = needed_samples(VALID_RANK), max(1, round(duration_s))
    times: list[float] = []
    start = clock()
    while (passed := clock() - start) < duration_s or len(times) < least:
        progress("time", done=min(int(passed), whole - 1), total=whole, note="s")
        times.append(once())
    progress("time", done=whole, total=whole, note="s")
    return times


def count_for(warm_ms: Sequence[float], time_limit_s: float) -> int:
    """As many samples as the highest percentile needs that there is time for, by some times."""
    room = time_limit_s * 1e3 / max(statistics.median(warm_ms), 1e-6)
    needs = [needed_samples(rank) for rank in RANKS if rank >= VALID_RANK]
    return max((n for n in needs if n <= room), default=needs[0])


def report_of(
    times: tuple[float, ...],
    *,
    load_ms: float,
    first_ms: float,
    warm_up: int,
    extent: Extent,
    conditions: Conditions | None,
) -> LatencyReport:
    """The report of times in milliseconds, in their order; see `time_session`."""
    parts = windows(times, conditions)
    settled = steady_from(parts) if extent.lasting else 0
    start = sum(part.samples for part in parts[: settled or 0])
    changed = changes(conditions) if conditions is not None else ()
    problems = _problems(times[start:], lasting=extent.lasting, settled=settled is not None)
    problems += disturbances(conditions) if conditions is not None else ()
    return LatencyReport(
        load_ms=load_ms,
        first_ms=first_ms,
        warm_up=warm_up,
        samples_ms=times,
        percentiles=percentiles(times[start:]),
        drift=drift(times),
        problems=problems if extent.lasting else (*problems, *changed),
        environment=environment(),
        duration_s=extent.duration_s,
        steady_from=start,
        windows=parts,
        notes=changed if extent.lasting else (),
        conditions=conditions,
    )


def _problems(times: Sequence[float], *, lasting: bool, settled: bool) -> tuple[str, ...]:
    problems = []
    needs = needed_samples(VALID_RANK)
    if len(times) < needs:
        problems.append(f"{len(times)} samples, but a p{VALID_RANK:.0f} needs {needs}")
    if lasting and not settled:
        problems.append(
            f"no steady state: medians of the second half are more than {STEADY_LIMIT:.0%} apart"
        )
    if not lasting and abs(drift(times)) > DRIFT_LIMIT:
        problems.append(
            f"the second half's median is {drift(times):+.0%} from the first's (limit "
            f"{DRIFT_LIMIT:.0%}): a busy or throttled machine"
        )
    return tuple(problems)
