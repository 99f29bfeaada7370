"""Peak memory and times of a model under several options, on a host."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ccnet_edge.bench.hosts import Host
from ccnet_edge.bench.protocol import benchmark, peak_memory
from ccnet_edge.device.timer import Extent
from ccnet_edge.spec.artifact import SessionOptions

# As many as `verify.meter` takes here; each run of a command on a host warms up anew.
INFERENCES = 20
WARM_UP = 3
# Commands for each of the options, in turns, and inferences that are timed in each.
ROUNDS, SAMPLES = 2, 6


class HostMeter:
    """Measures `model` on `host`, as `verify.Meter` asks for."""

    def __init__(self, host: Host, model: Path, shape: Sequence[int]) -> None:
        self._host, self._model, self._shape = host, model, tuple(shape)

    def peak_bytes(self, options: SessionOptions) -> int:
        """Peak memory of a fresh process there."""
        report = peak_memory(
            self._host, self._model, options, shape=self._shape, inferences=INFERENCES
        )
        return report.peak_bytes

    def times_ms(self, options: Sequence[SessionOptions]) -> list[tuple[float, ...]]:
        """Times under each of `options`, every other round backwards."""
        times: list[list[float]] = [[] for _ in options]
        for number in range(ROUNDS):
            order = list(enumerate(options))
            for i, each in order if number % 2 == 0 else reversed(order):
                report = benchmark(
                    self._host,
                    self._model,
                    each,
                    shape=self._shape,
                    extent=Extent(samples=SAMPLES),
                    warm_up=WARM_UP,
                    watch=False,
                )
                times[i] += report.samples_ms
        return [tuple(taken) for taken in times]
