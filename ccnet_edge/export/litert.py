"""A trained network as a .tflite model, for LiteRT on Android and Linux, and its delegates."""

from __future__ import annotations

from pathlib import Path

from ccnet_edge.export.isolated import export_torch
from ccnet_edge.export.options import ExportOptions
from ccnet_edge.spec.artifact import Artifact


def export_litert(trained: Path, out: Path, options: ExportOptions) -> Artifact:
    """Write the network in the folder `trained` to `out`; see `export.export`.

    The input stays [1, C, H, W]; LiteRT's operators want channels last, so the converter puts a
    transposition before and after them. int8 has float32 ends as well.

    Raises:
        MissingExtraError: the isolated environment is not installed.
    """
    return export_torch("litert", trained, out, options)
