"""A trained network as a .pte program, for ExecuTorch with XNNPACK on Android, iOS and Linux."""

from __future__ import annotations

from pathlib import Path

from ccnet_edge.export.isolated import export_torch
from ccnet_edge.export.options import ExportOptions
from ccnet_edge.spec.artifact import Artifact


def export_executorch(trained: Path, out: Path, options: ExportOptions) -> Artifact:
    """Write the network in the folder `trained` to `out`; see `export.export`.

    All of it is XNNPACK's: a device's program needs no operators beside that backend.

    Raises:
        MissingExtraError: the isolated environment is not installed.
    """
    return export_torch("executorch", trained, out, options)
