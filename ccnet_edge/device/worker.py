"""A process that holds one loaded model and infers when it is told to: one side of a comparison.

It reads lines of two numbers, inferences that are not timed and inferences that are, and answers
each with a line: for every timed one its wall time and what it waited for a processor, in
nanoseconds (0 where another thread computes, or several do; see `waiting`). Its first line is
`Ready` as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.device.backends import Session, open_session
from ccnet_edge.device.timer import noise
from ccnet_edge.device.waiting import Waiting
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import SessionOptions

# The first inferences allocate; at least so many, and for so long, do not count.
WARM_UP, WARM_UP_MS = 3, 100.0

# A thread that computes has a processor nearly all the time that it does not wait for one.
COMPUTES = 0.8

Opener = Callable[[Path, SessionOptions], Session]


@dataclass(frozen=True, kw_only=True)
class Ready:
    """What a worker says when its model is loaded and warm; `counted` that it knows its waits."""

    inference_ms: float
    counted: bool


def serve(
    model: Path,
    options: SessionOptions,
    *,
    shape: Sequence[int],
    opener: Opener = open_session,
) -> None:
    """Answer standard input until it ends.

    Args:
        model: the model file.
        options: the engine and how it is set up.
        shape: of the input, [1, C, H, W].
        opener: loads the model; another one than the engines' own is for experiments.
    """
    with _answers() as out:
        session = opener(model, options)
        side = _Side(session, noise(shape), Waiting())
        if options.threads > 1:
            side.waiting.close()
        inference_ms, computes_here = side.warm_up()
        if not computes_here:
            side.waiting.close()
        ready = Ready(inference_ms=inference_ms, counted=side.waiting.counted)
        print(json.dumps(serial.plain(ready)), file=out, flush=True)
        for line in sys.stdin:
            untimed, timed = map(int, line.split())
            for _ in range(untimed):
                side.once()
            print(*(f"{wall} {waited}" for wall, waited in side.times(timed)), file=out, flush=True)
        session.close()


@dataclass(frozen=True)
class _Side:
    """A session, its input [1, C, H, W], and what it waits."""

    session: Session
    x: NDArray[np.float32]
    waiting: Waiting

    def once(self) -> tuple[int, int]:
        """One inference: wall time and what it waited for a processor, in nanoseconds.

        A wait that is not shorter than the inference was between reading clock and count.
        """
        before = self.waiting.so_far_ns()
        start = time.perf_counter_ns()
        self.session.run(self.x)
        wall = time.perf_counter_ns() - start
        waited = self.waiting.so_far_ns() - before
        return wall, waited if waited < wall else 0

    def times(self, count: int) -> list[tuple[int, int]]:
        """`once`, so many times."""
        return [self.once() for _ in range(count)]

    def warm_up(self) -> tuple[float, bool]:
        """Run until it is warm.

        Returns:
            The least time of an inference, in milliseconds, and whether this thread is the one
            that computes: an engine may have threads or a process of its own for that.
        """
        own_ms: list[float] = []
        start = time.thread_time()
        while len(own_ms) < WARM_UP or sum(own_ms) < WARM_UP_MS:
            wall, waited = self.once()
            own_ms.append((wall - waited) / 1e6)
        computed_ms = (time.thread_time() - start) * 1e3
        return min(own_ms), computed_ms >= COMPUTES * sum(own_ms)


def _answers() -> TextIO:
    """Standard output for answers alone: what an engine prints goes to standard error."""
    out = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    return out
