"""Peak memory and times of one model under several options, side by side."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.device.backends import Session, open_session
from ccnet_edge.device.memory import measure_fresh
from ccnet_edge.device.timer import noise
from ccnet_edge.spec.artifact import SessionOptions

# An allocator that keeps growing shows it by then; the gate itself runs a hundred.
INFERENCES = 20
WARM_UP = 2
# A turn is one inference that does not count (it brings this session's data back into the
# caches) and two that do.
TIMED = 2
MIN_TURNS, MAX_TURNS = 8, 24
TIME_LIMIT_S = 20.0


class Meter(Protocol):
    """Measures a model under options: here, or in tests from a table."""

    def peak_bytes(self, options: SessionOptions) -> int:
        """Peak memory of a fresh process."""

    def times_ms(self, options: Sequence[SessionOptions]) -> list[tuple[float, ...]]:
        """Times of an inference under each of `options`, one a turn, in the same turns."""


class MeterHere:
    """Measures `model` on this machine."""

    def __init__(self, model: Path, shape: Sequence[int]) -> None:
        self._model = model
        self._shape = tuple(shape)

    def peak_bytes(self, options: SessionOptions) -> int:
        """Peak memory of a fresh process over `INFERENCES` inferences."""
        report = measure_fresh(self._model, options, shape=self._shape, inferences=INFERENCES)
        return report.peak_bytes

    def times_ms(self, options: Sequence[SessionOptions]) -> list[tuple[float, ...]]:
        """See `turns_ms`."""
        return turns_ms([(self._model, each) for each in options], self._shape)


def turns_ms(
    models: Sequence[tuple[Path, SessionOptions]], shape: Sequence[int]
) -> list[tuple[float, ...]]:
    """Each model's better of two inferences in every turn, all models in the same turns.

    As many turns as `TIME_LIMIT_S` has room for; every other one goes backwards, so that none
    always follows the same one.
    """
    x = noise(tuple(shape))
    with ExitStack() as stack:
        sessions = [open_session(model, options) for model, options in models]
        for session in sessions:
            stack.callback(session.close)
        round_ms = sum([_best_ms(session, x, WARM_UP) for session in sessions])
        turns = int(TIME_LIMIT_S * 1e3 / ((1 + TIMED) * max(round_ms, 1e-3)))
        times: list[list[float]] = [[] for _ in sessions]
        for turn in range(max(MIN_TURNS, min(turns, MAX_TURNS))):
            order = list(enumerate(sessions))
            for i, session in order if turn % 2 == 0 else reversed(order):
                session.run(x)
                times[i].append(_best_ms(session, x, TIMED))
    return [tuple(taken) for taken in times]


def _best_ms(session: Session, x: NDArray[np.float32], count: int) -> float:
    best = float("inf")
    for _ in range(count):
        start = time.perf_counter()
        session.run(x)
        best = min(best, time.perf_counter() - start)
    return best * 1e3
