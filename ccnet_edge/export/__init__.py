"""Artefacts of a trained network: one file a format, one row of `EXPORTERS`."""

from __future__ import annotations

import hashlib
import importlib
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.errors import MissingExtraError, UsageError, unknown_key
from ccnet_edge.spec.artifact import Artifact
from ccnet_edge.spec.plan import Limits
from ccnet_edge.spec.target import Precision

__all__ = [
    "EXPORTERS",
    "FILES",
    "FORMATS",
    "Exporter",
    "check_precision",
    "check_tools",
    "describe_file",
    "export",
    "find_exporter",
    "trained_folder",
]

# Engine → the format that it reads, and format → what its file is called where nobody says.
FORMATS = {"native": "native", "onnxruntime": "onnx"}
FILES = {"c": "c", "native": "model.ccnet", "onnx": "model.onnx", "web": "web"}
# What training writes last, and where a build directory keeps what training left.
TRAINED = "trained.json"
TRAINING = "train"


NO_LIMITS = Limits()


class Exporter(Protocol):
    """Writes the network in `trained`, a folder that training left behind, to `out`."""

    def __call__(
        self,
        trained: Path,
        out: Path,
        *,
        dynamic: bool,
        machine: str,
        limits: Limits,
        calibration: Iterable[NDArray[np.float32]] | None = None,
    ) -> Artifact:
        """The artefact that was written; `calibration` is for formats in `INT8_FORMATS` alone."""


# Format → "module:function"; a string, so that no format's library is imported before its use.
EXPORTERS = {
    "c": "ccnet_edge.export.native:export_c",
    "native": "ccnet_edge.export.native:export_native",
    "onnx": "ccnet_edge.export.onnx:export_onnx",
    "web": "ccnet_edge.export.web:export_web",
}
# Those that can be written in int8.
INT8_FORMATS = frozenset({"c", "native"})


def export(
    format: str,  # noqa: A002
    trained: Path,
    out: Path,
    *,
    dynamic: bool = False,
    machine: str = "",
    limits: Limits = NO_LIMITS,
    calibration: Iterable[NDArray[np.float32]] | None = None,
) -> Artifact:
    """Write the network in the folder `trained` to `out` as `format`: a file, `c` a folder.

    The same network, classes, preprocessing and calibration give the same bytes.

    Args:
        format: a key of `EXPORTERS`.
        dynamic: whether the file takes any height and width that the network's output stride
            divides, and not only those of its preprocessing.
        machine: the target's instruction set (`uname -m`), for formats that are built for one;
            this machine's where it is empty.
        limits: memory and disk, for formats that trade time for them.
        calibration: prepared images, [1, C, H, W] float32 each, that int8 is scaled by; they are
            gone through more than once. Precision is fp32 where there are none.

    Raises:
        UsageError: no such format, or not in int8.
        MissingExtraError: the format's library is not installed.
        DataError: `trained` holds no trained network.
    """
    exporter, machine = find_exporter(format), machine or platform.machine()
    if calibration is None:
        return exporter(trained, out, dynamic=dynamic, machine=machine, limits=limits)
    check_precision(format, "int8")
    return exporter(
        trained, out, dynamic=dynamic, machine=machine, limits=limits, calibration=calibration
    )


def check_precision(format: str, precision: Precision) -> None:  # noqa: A002
    """Refuse a precision that a format is not written in.

    Raises:
        UsageError: names the formats that are.
    """
    if precision != "fp32" and not (precision == "int8" and format in INT8_FORMATS):
        raise UsageError(
            f"{precision} was wanted as {format}, which is written in fp32 alone",
            hint=f"formats in int8: {', '.join(sorted(INT8_FORMATS))}",
        )


def check_tools(format: str, machine: str) -> None:  # noqa: A002
    """Refuse a format whose library or compiler is missing, before anything is trained for it.

    Raises:
        MissingExtraError: names what to install.
    """
    find_exporter(format)
    if format == "native":
        from ccnet_edge.native.toolchain import find_compiler

        # This machine's too: parity is shown here.
        for each in (machine, platform.machine()):
            find_compiler(each)


def find_exporter(name: str) -> Exporter:
    """The exporter of format `name`, its library imported.

    Raises:
        UsageError: no such format.
        MissingExtraError: the format's library is not installed.
    """
    if name not in EXPORTERS:
        raise unknown_key("format", name, EXPORTERS)
    module, function = EXPORTERS[name].split(":")
    try:
        exporter: Exporter = getattr(importlib.import_module(module), function)
    except ImportError as error:
        raise MissingExtraError(
            f"exporting {name} needs a library that is not installed: {error}",
            hint="pip install 'ccnet-edge[build]'",
        ) from error
    return exporter


def trained_folder(folder: Path) -> Path:
    """Where the trained network is: `folder` itself, or inside of a build directory."""
    inside = folder / TRAINING
    return inside if (inside / TRAINED).is_file() else folder


def describe_file(
    path: Path,
    *,
    kind: str,
    opset: int,
    shape: tuple[int, int, int, int],
    precision: Precision = "fp32",
) -> Artifact:
    """The artefact of format `kind` that the file at `path` is."""
    content = path.read_bytes()
    return Artifact(
        format=kind,
        precision=precision,
        file=path.name,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        opset=opset,
        shape=shape,
    )
