"""Artefacts of a trained network: one file a format, one row of `EXPORTERS`."""

from __future__ import annotations

import hashlib
import importlib
import platform
from pathlib import Path
from typing import Protocol

from ccnet_edge.errors import MissingExtraError, unknown_key
from ccnet_edge.spec.artifact import Artifact
from ccnet_edge.spec.plan import Limits

__all__ = [
    "EXPORTERS",
    "FILES",
    "FORMATS",
    "Exporter",
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
        self, trained: Path, out: Path, *, dynamic: bool, machine: str, limits: Limits
    ) -> Artifact:
        """The artefact that was written."""


# Format → "module:function"; a string, so that no format's library is imported before its use.
EXPORTERS = {
    "c": "ccnet_edge.export.native:export_c",
    "native": "ccnet_edge.export.native:export_native",
    "onnx": "ccnet_edge.export.onnx:export_onnx",
    "web": "ccnet_edge.export.web:export_web",
}


def export(
    format: str,  # noqa: A002
    trained: Path,
    out: Path,
    *,
    dynamic: bool = False,
    machine: str = "",
    limits: Limits = NO_LIMITS,
) -> Artifact:
    """Write the network in the folder `trained` to `out` as `format`: a file, `c` a folder.

    The same network, classes and preprocessing give the same bytes. Precision is fp32.

    Args:
        format: a key of `EXPORTERS`.
        dynamic: whether the file takes any height and width that the network's output stride
            divides, and not only those of its preprocessing.
        machine: the target's instruction set (`uname -m`), for formats that are built for one;
            this machine's where it is empty.
        limits: memory and disk, for formats that trade time for them.

    Raises:
        UsageError: no such format.
        MissingExtraError: the format's library is not installed.
        DataError: `trained` holds no trained network.
    """
    return find_exporter(format)(
        trained,
        out,
        dynamic=dynamic,
        machine=machine or platform.machine(),
        limits=limits,
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
    path: Path, *, kind: str, opset: int, shape: tuple[int, int, int, int]
) -> Artifact:
    """The artefact of format `kind` that the fp32 file at `path` is."""
    content = path.read_bytes()
    return Artifact(
        format=kind,
        precision="fp32",
        file=path.name,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        opset=opset,
        shape=shape,
    )
