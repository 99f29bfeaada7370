"""What a network costs in memory: the peak of a fresh process that does nothing but run it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ccnet_edge.device.memory import measure_fresh
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.report import MemoryReport

INFERENCES = 100


def measure_memory(
    model: Path,
    options: SessionOptions,
    *,
    shape: Sequence[int],
    inferences: int = INFERENCES,
) -> MemoryReport:
    """Peak resident memory (VmHWM) over loading `model` and `inferences` inferences, here.

    The process is the device wing's own, as a bundle starts it: no torch, no planner.

    Args:
        model: the model file.
        options: the engine and how it is set up.
        shape: of the input, [1, C, H, W].
        inferences: how many; the peak of an engine's allocator can come after the first.

    Raises:
        DeviceError: the process failed or was killed.
    """
    return measure_fresh(model, options, shape=shape, inferences=inferences)
