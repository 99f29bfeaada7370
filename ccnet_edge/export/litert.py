"""A trained network as a .tflite model, for LiteRT on Android and Linux, and its delegates."""

from __future__ import annotations

from pathlib import Path

from ccnet_edge.device.backends import open_session
from ccnet_edge.errors import BundleRefusedError, UsageError
from ccnet_edge.export.isolated import export_torch
from ccnet_edge.export.options import ExportOptions
from ccnet_edge.spec.artifact import Artifact, SessionOptions


def export_litert(trained: Path, out: Path, options: ExportOptions) -> Artifact:
    """Write the network in the folder `trained` to `out`; see `export.export`.

    The input stays [1, C, H, W]; LiteRT's operators want channels last, so the converter puts a
    transposition before and after them. int8 has float32 ends as well.

    Raises:
        UsageError: LiteRT cannot load what its converter wrote, as happens to some in int8.
        MissingExtraError: the isolated environment is not installed.
    """
    artifact = export_torch("litert", trained, out, options)
    try:
        open_session(out, SessionOptions(engine="litert")).close()
    except BundleRefusedError as error:
        out.unlink()
        raise UsageError(
            f"LiteRT's converter wrote the network in {options.precision}, and LiteRT cannot load "
            f"it: {error.message}",
            hint="export it in another precision, at other widths, or in another format",
        ) from error
    return artifact
