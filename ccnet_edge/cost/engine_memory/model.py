"""An engine's memory model as a value: measured points, and the constants fitted to them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ccnet_edge.cost.engine_memory.loads import Load
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.report import Environment
from ccnet_edge.spec.target import Precision

ONNXRUNTIME = "onnxruntime"


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """The peak of a process, and the interval that it lies in; `note` says what to know of it."""

    peak_bytes: int
    least_bytes: int
    most_bytes: int
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class MemoryPoint:
    """A network that was run, and the peak of each of its processes.

    `fitted` is False for points that were held out of the fit.
    """

    widths: tuple[int, ...]
    in_channels: int
    outputs: int
    height: int
    width: int
    precision: Precision
    options: SessionOptions
    fitted: bool
    peaks_bytes: tuple[int, ...]

    @property
    def peak_bytes(self) -> int:
        """The largest of its peaks."""
        return max(self.peaks_bytes)


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Constants for one precision and one set of options, whatever the number of threads.

    `least` and `most` bound the measured peak as shares of the sum. `repeats` is False where
    processes of one network differ so much that only `most` is worth anything.
    """

    precision: Precision
    options: SessionOptions
    fixed_bytes: float
    thread_bytes: float
    weights: float
    packed: float
    image: float
    logits: float
    tensors: float
    least: float
    most: float
    repeats: bool

    def covers(self, precision: Precision, options: SessionOptions) -> bool:
        """These constants are for that; level, arena and pattern are ONNX Runtime's alone."""
        same = self.options == replace(options, threads=1)
        other = options.engine != ONNXRUNTIME and self.options.engine == options.engine
        return self.precision == precision and (same or other)

    def peak_bytes(self, load: Load, *, threads: int) -> float:
        """The sum: fixed + threads + factors times terms."""
        return (
            self.fixed_bytes
            + self.thread_bytes * (threads - 1)
            + self.weights * load.weights_bytes
            + self.packed * load.packed_bytes
            + self.image * load.image_bytes
            + self.logits * load.logits_bytes
            + self.tensors * load.tensors_bytes
        )


@dataclass(frozen=True, kw_only=True)
class EngineMemory:
    """An engine's memory model with the points, versions and machine that it was fitted on.

    `base_bytes` is the engine's own process before it loads a model; it is part of the fits'
    `fixed_bytes`.
    """

    engine: str
    version: str
    environment: Environment
    base_bytes: int
    fits: tuple[Fit, ...]
    points: tuple[MemoryPoint, ...]

    def fit(self, precision: Precision, options: SessionOptions) -> Fit | None:
        """The constants for a precision and options; None where none were fitted."""
        return next((fit for fit in self.fits if fit.covers(precision, options)), None)
