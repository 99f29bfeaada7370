"""A trained network as a .pte program, for ExecuTorch with XNNPACK on Android, iOS and Linux."""

from __future__ import annotations

from pathlib import Path

from ccnet_edge.errors import CcnetError, UsageError
from ccnet_edge.export.isolated import export_torch
from ccnet_edge.export.options import ExportOptions
from ccnet_edge.spec.artifact import Artifact

# What the converter says where operators stay outside of the backend.
NOT_ALL = "XNNPACK did not take all of the network"


def export_executorch(trained: Path, out: Path, options: ExportOptions) -> Artifact:
    """Write the network in the folder `trained` to `out`; see `export.export`.

    All of it is XNNPACK's: a device's program needs no operators beside that backend.

    Raises:
        UsageError: XNNPACK does not take all of the network, as of some pixel classifiers.
        MissingExtraError: the isolated environment is not installed.
    """
    try:
        return export_torch("executorch", trained, out, options)
    except CcnetError as error:
        if NOT_ALL not in error.message:
            raise
        raise UsageError(
            f"ExecuTorch cannot hold this network in {options.precision}: {error.message}",
            hint="export it in another precision, at other widths, or in another format",
        ) from error
