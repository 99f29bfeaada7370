"""A session for tests: a function in place of a network, with times as they are wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

Function = Callable[[NDArray[np.float32]], NDArray[np.float32]]


class FakeClock:
    """A clock that moves only when it is told to; `clock()` is the time in seconds."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        """The time in seconds."""
        return self.now_s


class FakeSession:
    """Answers with `function`; each run moves `clock` by the next of `times_ms`.

    The last time is repeated when they are used up. `runs` counts, `closed` says whether the
    session was closed.
    """

    def __init__(
        self,
        function: Function = lambda x: x[:, :1],
        *,
        clock: FakeClock | None = None,
        times_ms: Iterable[float] = (1.0,),
    ) -> None:
        self.runs = 0
        self.closed = False
        self._function = function
        self._clock = clock if clock is not None else FakeClock()
        self._times: Iterator[float] = iter(times_ms)
        self._time_ms = 0.0

    def run(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits [1, outputs, H, W] float32 by the function that was given."""
        self.runs += 1
        self._time_ms = next(self._times, self._time_ms)
        self._clock.now_s += self._time_ms / 1e3
        return self._function(x)

    def close(self) -> None:
        """Note that the session was closed."""
        self.closed = True
