"""The engine's options by measuring: what fits the memory budget, then what is fastest.

ONNX Runtime's options move a U-Net's process by 2 to 4× in memory and by a third in time, in no
fixed direction: its blocked layouts are faster for wide networks, and both slower and larger for
channels that no block divides; its memory pattern can double the peak. So they are tried.

A clock on a busy machine would choose something else every time. The standing options stay
unless others are better by `MARGIN`, and candidates are timed in turns, so that what slows one
round slows all of them.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from ccnet_edge.cost.engine_memory import STANDING
from ccnet_edge.device.environment import environment
from ccnet_edge.device.memory import measure_fresh
from ccnet_edge.device.timer import time_model
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.build import TriedOptions
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.spec.target import DeviceProfile

# Relative. Medians of equal work in turns stay within 5 % of each other on a busy machine.
MARGIN = 0.10
# Kept free below a memory budget: peaks of equal options differ by less between processes.
MEMORY_MARGIN = 0.02
# Beside the standing options: blocked layouts, the engine's own default, and no arena.
CANDIDATES = (
    STANDING,
    replace(STANDING, optimisation="all"),
    replace(STANDING, optimisation="all", memory_pattern=True),
    replace(STANDING, arena=False),
)
ROUNDS = 3
SAMPLES = 8
WARM_UP = 2
# An allocator that keeps growing shows it by then; the gate itself runs a hundred.
INFERENCES = 20


class Meter(Protocol):
    """Measures a model under options: here, or in tests from a table."""

    def peak_bytes(self, options: SessionOptions) -> int:
        """Peak memory of a fresh process."""

    def p50_ms(self, options: SessionOptions) -> float:
        """Median time of an inference."""


class MeterHere:
    """Measures `model` on this machine."""

    def __init__(self, model: Path, shape: Sequence[int]) -> None:
        self._model = model
        self._shape = tuple(shape)

    def peak_bytes(self, options: SessionOptions) -> int:
        """Peak memory of a fresh process over `INFERENCES` inferences."""
        report = measure_fresh(self._model, options, shape=self._shape, inferences=INFERENCES)
        return report.peak_bytes

    def p50_ms(self, options: SessionOptions) -> float:
        """Median time of an inference, in a session of its own."""
        report = time_model(
            self._model, options, shape=self._shape, warm_up=WARM_UP, samples=SAMPLES
        )
        return statistics.median(report.samples_ms)


def tune_session(
    model: Path,
    *,
    shape: Sequence[int],
    profile: DeviceProfile,
    ram_bytes: int | None = None,
    meter: Meter | None = None,
    cores: int | None = None,
    progress: Progress = silent,
) -> tuple[SessionOptions, tuple[TriedOptions, ...]]:
    """The options to run `model` with on the target, and everything that was tried.

    First the number of threads, up to the target's cores or this machine's, whichever has
    fewer; then `CANDIDATES` with that many. `choose` says how one is chosen.

    Args:
        model: an ONNX file.
        shape: of the input, [1, C, H, W].
        profile: the target.
        ram_bytes: the process's memory budget; None where there is none.
        meter: what measures; None for this machine.
        cores: of this machine; None to ask it.
        progress: told about stage "tune".

    Raises:
        DeviceError: a process that measures failed.
    """
    meter = meter if meter is not None else MeterHere(model, shape)
    here = cores if cores is not None else environment().cores
    counts = thread_counts(min(profile.cores, here))
    total = len(counts) + len(CANDIDATES)
    first = measure(
        [replace(STANDING, threads=count) for count in counts], meter, progress, total=total
    )
    threads = choose(first, ram_bytes=ram_bytes).threads
    second = measure(
        [replace(options, threads=threads) for options in CANDIDATES],
        meter,
        progress,
        done=len(counts),
        total=total,
    )
    others = tuple(tried for tried in first if tried.options.threads != threads)
    return choose(second, ram_bytes=ram_bytes), (*second, *others)


def thread_counts(cores: int) -> tuple[int, ...]:
    """1, 2, 4, … below `cores`, and `cores` itself."""
    powers = [2**i for i in range(cores.bit_length()) if 2**i < cores]
    return (*powers, cores)


def choose(tried: Sequence[TriedOptions], *, ram_bytes: int | None) -> SessionOptions:
    """The best of the options that were measured, the first of which are the standing ones.

    1. Those that leave `MEMORY_MARGIN` of the memory budget free; where none do, the options
       with the least peak.
    2. Of these the fastest, where it is faster by `MARGIN` than the standing options (or than
       the leanest, where the standing ones do not fit).
    3. Then the leanest, where it saves `MARGIN` and is not slower by that.
    """
    fitting = [t for t in tried if ram_bytes is None or _room(t) <= ram_bytes]
    if not fitting:
        return min(tried, key=lambda t: t.peak_bytes).options
    held = tried[0] if tried[0] in fitting else min(fitting, key=lambda t: t.peak_bytes)
    fastest = min(fitting, key=lambda t: t.p50_ms)
    if fastest.p50_ms < held.p50_ms * (1 - MARGIN):
        held = fastest
    leanest = min(
        (t for t in fitting if t.p50_ms <= held.p50_ms * (1 + MARGIN)), key=lambda t: t.peak_bytes
    )
    if leanest.peak_bytes < held.peak_bytes * (1 - MARGIN):
        held = leanest
    return held.options


def measure(
    candidates: Sequence[SessionOptions],
    meter: Meter,
    progress: Progress,
    *,
    done: int = 0,
    total: int,
) -> tuple[TriedOptions, ...]:
    """Peak and median time of every candidate; times are taken in `ROUNDS` turns.

    Memory comes first, in processes of their own: options that crash the engine or exhaust the
    memory then take one of those with them, and not this process.
    """
    peaks = []
    for number, options in enumerate(candidates, start=1):
        peaks.append(meter.peak_bytes(options))
        progress("tune", done=done + number, total=total, note=_words(options))
    rounds = [[meter.p50_ms(options) for options in candidates] for _ in range(ROUNDS)]
    medians = [statistics.median(times) for times in zip(*rounds, strict=True)]
    return tuple(
        TriedOptions(options=options, peak_bytes=peak, p50_ms=p50)
        for options, peak, p50 in zip(candidates, peaks, medians, strict=True)
    )


def _words(options: SessionOptions) -> str:
    parts = [options.optimisation, f"{options.threads} threads"]
    parts += ["no arena"] if not options.arena else []
    parts += ["memory pattern"] if options.memory_pattern else []
    return ", ".join(parts)


def _room(tried: TriedOptions) -> float:
    return tried.peak_bytes * (1 + MEMORY_MARGIN)
