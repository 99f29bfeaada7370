"""Artefacts of a trained network: one file a format, one row of `EXPORTERS`."""

from __future__ import annotations

import hashlib
import importlib
from pathlib import Path
from typing import Protocol

from ccnet_edge.errors import MissingExtraError, unknown_key
from ccnet_edge.spec.artifact import Artifact

__all__ = ["EXPORTERS", "Exporter", "describe_file", "export", "find_exporter", "trained_folder"]

# What training writes last, and where a build directory keeps what training left.
TRAINED = "trained.json"
TRAINING = "train"


class Exporter(Protocol):
    """Writes the network in `trained`, a folder that training left behind, to `out`."""

    def __call__(self, trained: Path, out: Path, *, dynamic: bool) -> Artifact:
        """The artefact that was written."""


# Format → "module:function"; a string, so that no format's library is imported before its use.
EXPORTERS = {
    "onnx": "ccnet_edge.export.onnx:export_onnx",
}


def export(format: str, trained: Path, out: Path, *, dynamic: bool = False) -> Artifact:  # noqa: A002
    """Write the network in the folder `trained` to the file `out` as `format`.

    The same network, classes and preprocessing give the same bytes. Precision is fp32.

    Args:
        format: a key of `EXPORTERS`.
        dynamic: whether the file takes any height and width that the network's output stride
            divides, and not only those of its preprocessing.

    Raises:
        UsageError: no such format.
        MissingExtraError: the format's library is not installed.
        DataError: `trained` holds no trained network.
    """
    return find_exporter(format)(trained, out, dynamic=dynamic)


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
