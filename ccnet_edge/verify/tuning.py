"""The engine's options by measuring: what fits the memory budget, then what is fastest.

ONNX Runtime's options move a U-Net's process by 2 to 4× in memory and by a third in time, in no
fixed direction: its blocked layouts are faster for wide networks, and both slower and larger for
channels that no block divides; its memory pattern can double the peak. So they are tried.

A clock on a busy machine would choose something else every time. So candidates are timed in
turns, compared turn by turn, and the standing options stay unless others are better by `MARGIN`
and in nearly every turn.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ccnet_edge.cost.engine_memory import STANDING, standing
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.build import TriedOptions
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.verify.meter import Meter, MeterHere

# Relative, of time and of memory.
MARGIN = 0.10
# Share of the turns that a faster candidate has to win. An equal one does so by chance in 4 % of
# all cases with 8 turns, in 0.3 % with 12, in 0.01 % with 24 (binomial).
SURE = 0.85
# Kept free below a memory budget: peaks of equal options differ by less between processes.
MEMORY_MARGIN = 0.02
# Engine → its options beside threads, the standing ones first. ONNX Runtime: blocked layouts, the
# engine's own default, and no arena. Others have nothing but threads to choose.
CANDIDATES: dict[str, tuple[SessionOptions, ...]] = {
    "onnxruntime": (
        STANDING,
        replace(STANDING, optimisation="all"),
        replace(STANDING, optimisation="all", memory_pattern=True),
        replace(STANDING, arena=False),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Options with their process's peak, and their time in every turn."""

    options: SessionOptions
    peak_bytes: int
    times_ms: tuple[float, ...]

    def time_over(self, other: Candidate) -> float:
        """The median over the turns of this one's time over the other's in the same turn."""
        turns = zip(self.times_ms, other.times_ms, strict=True)
        return statistics.median(own / its for own, its in turns)

    def within(self, latency_ms: float | None) -> bool:
        """There is a latency limit, and every turn was inside it."""
        return latency_ms is not None and max(self.times_ms) <= latency_ms

    def surely_faster(self, other: Candidate) -> bool:
        """Faster by `MARGIN`, and in nearly every turn."""
        won = sum(own < its for own, its in zip(self.times_ms, other.times_ms, strict=True))
        return self.time_over(other) < 1 - MARGIN and won >= SURE * len(self.times_ms)


def tune_session(
    model: Path,
    *,
    shape: Sequence[int],
    most_threads: int,
    engine: str = STANDING.engine,
    ram_bytes: int | None = None,
    latency_ms: float | None = None,
    meter: Meter | None = None,
    progress: Progress = silent,
) -> tuple[SessionOptions, tuple[TriedOptions, ...]]:
    """The options to run `model` with, and everything that was tried.

    First the number of threads, then `CANDIDATES` with that many. `choose` says how one is chosen.

    Args:
        model: a file that the engine reads.
        shape: of the input, [1, C, H, W].
        most_threads: the cores of the target, or of the machine that measures if it has fewer.
        engine: to run it; `CANDIDATES` says what it has to choose beside threads.
        ram_bytes: the process's memory budget; None where there is none.
        latency_ms: of an inference where it is measured; None where there is no limit.
        meter: what measures; None for this machine.
        progress: told about stage "tune".

    Raises:
        DeviceError: the engine, or a process that measures, failed.
    """
    meter = meter if meter is not None else MeterHere(model, shape)
    counts = thread_counts(most_threads)
    progress("tune", done=0, total=2, note=f"{counts[-1]} threads at most")
    layouts = CANDIDATES.get(engine, (standing(engine),))
    first = _measure([replace(layouts[0], threads=count) for count in counts], meter)
    threads = choose(first, ram_bytes=ram_bytes, latency_ms=latency_ms).threads
    progress("tune", done=1, total=2, note="layouts and allocators")
    others = [candidate for candidate in first if candidate.options.threads != threads]
    if len(layouts) > 1:
        second = _measure([replace(options, threads=threads) for options in layouts], meter)
    else:
        second = [candidate for candidate in first if candidate.options.threads == threads]
    progress("tune", done=2, total=2)
    chosen = choose(second, ram_bytes=ram_bytes, latency_ms=latency_ms)
    return chosen, tuple(map(_tried, [*second, *others]))


def thread_counts(cores: int) -> tuple[int, ...]:
    """1, 2, 4, … below `cores`, and `cores` itself."""
    powers = [2**i for i in range(cores.bit_length()) if 2**i < cores]
    return (*powers, cores)


def choose(
    candidates: Sequence[Candidate], *, ram_bytes: int | None, latency_ms: float | None = None
) -> SessionOptions:
    """The best of the options that were measured, the first of which are the standing ones.

    1. Those that leave `MEMORY_MARGIN` of the memory budget free; where none do, the options
       with the least peak.
    2. Of these the fastest, where it is surely faster than the standing options (or than the
       leanest, where the standing ones do not fit).
    3. Then the leanest, where it saves `MARGIN` and is not slower by that, or is inside the
       latency limit in every turn.
    """
    fitting = [
        c
        for c in candidates
        if ram_bytes is None or c.peak_bytes * (1 + MEMORY_MARGIN) <= ram_bytes
    ]
    if not fitting:
        return min(candidates, key=lambda c: c.peak_bytes).options
    start = candidates[0]
    held = start if start in fitting else min(fitting, key=lambda c: c.peak_bytes)
    faster = [c for c in fitting if c.surely_faster(held)]
    held = min(faster, key=lambda c: c.time_over(held), default=held)
    leaner = [
        c
        for c in fitting
        if c.peak_bytes < held.peak_bytes * (1 - MARGIN)
        and (c.time_over(held) <= 1 + MARGIN or c.within(latency_ms))
    ]
    return min(leaner, key=lambda c: c.peak_bytes, default=held).options


def _measure(options: Sequence[SessionOptions], meter: Meter) -> list[Candidate]:
    """Memory first: options that crash the engine then take a process of their own with them."""
    peaks = [meter.peak_bytes(each) for each in options]
    times = meter.times_ms(options)
    return [
        Candidate(options=each, peak_bytes=peak, times_ms=taken)
        for each, peak, taken in zip(options, peaks, times, strict=True)
    ]


def _tried(candidate: Candidate) -> TriedOptions:
    return TriedOptions(
        options=candidate.options,
        peak_bytes=candidate.peak_bytes,
        p50_ms=statistics.median(candidate.times_ms),
    )
