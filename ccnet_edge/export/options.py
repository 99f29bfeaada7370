"""How a network is to be written: precision, size, target and what int8 is calibrated on."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.spec.artifact import Artifact
from ccnet_edge.spec.plan import Limits
from ccnet_edge.spec.target import Precision

# Prepared images, [1, C, H, W] float32 each; gone through more than once.
Inputs = Iterable[NDArray[np.float32]]
# Training images that int8 is calibrated on: ranges hardly move with more, each is computed twice.
CALIBRATION_IMAGES = 64
# How a range is cut: not at all, by a share of the values, or where the cut distribution says
# most of the whole one (Migacz, 8-bit inference with TensorRT, GTC 2017, S7310).
Method = Literal["minmax", "percentile", "entropy"]
METHODS: tuple[Method, ...] = ("minmax", "percentile", "entropy")


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """What an exporter is asked for; the same network and options give the same bytes.

    Args:
        precision: that values are stored and computed in.
        dynamic: whether the file takes any height and width that the network's output stride
            divides, and not only those of its preprocessing.
        machine: the target's instruction set (`uname -m`), for formats that are built for one.
        limits: memory and disk, for formats that trade time for them.
        calibration: training images that int8 is scaled by; None in other precisions.
        method: how int8's ranges are found, in formats that begin with ONNX; others have their own.
        exclude: nodes of the ONNX graph that stay float32 in int8 (`onnx_int8.quantisable`).
        tensorrt: the version of TensorRT on the target, for that format; None for the exporter's
            own default.
    """

    precision: Precision = "fp32"
    dynamic: bool = False
    machine: str = field(default_factory=platform.machine)
    limits: Limits = field(default_factory=Limits)
    calibration: Inputs | None = None
    method: Method = "percentile"
    exclude: frozenset[str] = frozenset()
    tensorrt: str | None = None


class Exporter(Protocol):
    """Writes the network in `trained`, a folder that training left behind, to `out`."""

    def __call__(self, trained: Path, out: Path, options: ExportOptions) -> Artifact:
        """The artefact that was written, of the precision that `options` ask for.

        Raises:
            UsageError: a width or size that the format cannot hold, before work is done.
        """
