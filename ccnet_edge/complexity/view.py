"""What every measure is given: one image with its labels, and how and with what to measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.complexity.encoder import JpegSizer
from ccnet_edge.complexity.lanes import Scratch
from ccnet_edge.spec.complexity import JpegDefinition


class Tools:
    """What one thread measures with, closed at the end of a `with`."""

    def __init__(self) -> None:
        self.sizer = JpegSizer()
        self.scratch = Scratch()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sizer.close()


@dataclass(frozen=True, kw_only=True)
class View:
    """An image [H, W, C] and its labels [H, W] (255 ignored), measured at `height` × `width`."""

    image: NDArray[Any]
    labels: NDArray[np.uint8]
    definition: JpegDefinition
    height: int
    width: int
    scales: int
    tools: Tools


class Measure(Protocol):
    """A measure of complexity: a function of a view to one figure a scale, finest first."""

    def __call__(self, view: View) -> tuple[float, ...]:
        """The figures of one image."""
