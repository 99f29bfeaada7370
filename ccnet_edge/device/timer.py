"""How long one inference takes: load, first, warm-up, then samples with honest percentiles."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.device.backends import Session, load_engine
from ccnet_edge.device.environment import environment
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.spec.report import LatencyReport, Percentile

RANKS = (50.0, 90.0, 95.0, 99.0)
# A percentile is given only where this share of repetitions would bear it out.
CONFIDENCE = 0.99
# Without the p90, which budgets are about, a run says nothing.
VALID_RANK = 90.0
WARM_UP = 10
TIME_LIMIT_S = 60.0
# Medians of the two halves further apart than this: the machine was throttled or busy.
DRIFT_LIMIT = 0.10

Clock = Callable[[], float]


def needed_samples(rank: float) -> int:
    """The fewest samples that bear out a percentile at 99 % confidence.

    MLPerf's early-stopping rule with one sample over the percentile: the least n with
    P(X ≤ 1) ≤ 1 − 0.99 for X ~ Binomial(n, 1 − rank/100). 64 for p90, 130 for p95, 662 for p99.
    """
    p = rank / 100
    n = 2
    while p**n + n * (1 - p) * p ** (n - 1) > 1 - CONFIDENCE:
        n += 1
    return n


def percentile_ms(samples_ms: Sequence[float], rank: float) -> float:
    """The nearest-rank percentile: the least sample that `rank` % of all do not exceed."""
    ordered = sorted(samples_ms)
    return ordered[max(0, math.ceil(rank / 100 * len(ordered)) - 1)]


def time_model(
    model: Path | bytes,
    options: SessionOptions,
    *,
    shape: Sequence[int],
    warm_up: int = WARM_UP,
    samples: int | None = None,
    time_limit_s: float = TIME_LIMIT_S,
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
            samples=samples,
            time_limit_s=time_limit_s,
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
    samples: int | None = None,
    time_limit_s: float = TIME_LIMIT_S,
    clock: Clock = time.perf_counter,
    progress: Progress = silent,
) -> LatencyReport:
    """Times of a session that has not run yet.

    Args:
        session: just opened, so that its first inference is the first.
        x: [1, C, H, W] float32.
        load_ms: what opening it took.
        warm_up: inferences after the first that are not counted.
        samples: how many are; None for as many as the highest percentile needs that
            `time_limit_s` has room for, and never fewer than the p90 needs.
        time_limit_s: room for the samples where `samples` is None.
        clock: seconds, monotonic.
        progress: told about stage "time".
    """

    def once() -> float:
        start = clock()
        session.run(x)
        return (clock() - start) * 1e3

    first_ms = once()
    warm = [once() for _ in range(warm_up)]
    count = samples if samples is not None else _count(warm or [first_ms], time_limit_s)
    times: list[float] = []
    for i in range(count):
        times.append(once())
        progress("time", done=i + 1, total=count, note=f"{times[-1]:.3g} ms")
    return _report(times, load_ms=load_ms, first_ms=first_ms, warm_up=warm_up)


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


def drift(samples_ms: Sequence[float]) -> float:
    """How much slower the second half's median is than the first's, relative to the first's."""
    half = len(samples_ms) // 2
    if half == 0:
        return 0.0
    first = statistics.median(samples_ms[:half])
    return (statistics.median(samples_ms[-half:]) - first) / first if first > 0 else 0.0


def _count(warm_ms: Sequence[float], time_limit_s: float) -> int:
    room = time_limit_s * 1e3 / max(statistics.median(warm_ms), 1e-6)
    needs = [needed_samples(rank) for rank in RANKS if rank >= VALID_RANK]
    return max((n for n in needs if n <= room), default=needs[0])


def _report(times: list[float], *, load_ms: float, first_ms: float, warm_up: int) -> LatencyReport:
    return LatencyReport(
        load_ms=load_ms,
        first_ms=first_ms,
        warm_up=warm_up,
        samples_ms=tuple(times),
        percentiles=tuple(_percentile(times, rank) for rank in RANKS),
        drift=drift(times),
        problems=_problems(times),
        environment=environment(),
    )


def _percentile(times: list[float], rank: float) -> Percentile:
    needs = needed_samples(rank)
    value = percentile_ms(times, rank) if len(times) >= needs else None
    return Percentile(rank=rank, value_ms=value, needs=needs)


def _problems(times: list[float]) -> tuple[str, ...]:
    problems = []
    needs = needed_samples(VALID_RANK)
    if len(times) < needs:
        problems.append(f"{len(times)} samples, but a p{VALID_RANK:.0f} needs {needs}")
    if abs(drift(times)) > DRIFT_LIMIT:
        problems.append(
            f"the second half's median is {drift(times):+.0%} from the first's (limit "
            f"{DRIFT_LIMIT:.0%}): a busy or throttled machine"
        )
    return tuple(problems)
