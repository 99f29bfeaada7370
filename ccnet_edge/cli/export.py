"""`ccnet-edge export`: write a trained network as an artefact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ccnet_edge.cli.console import progress_bars, say
from ccnet_edge.cli.data_options import data_options
from ccnet_edge.cli.option_values import parsed
from ccnet_edge.units import parse_bytes


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--format", "format_", default="onnx", show_default=True, help="Of the artefact.")
@click.option("--dynamic", is_flag=True, help="Any height and width the network's stride fits.")
@click.option(
    "--precision", type=click.Choice(["fp32", "fp16", "int8"]), default="fp32", show_default=True
)
@click.option(
    "--calibration",
    type=click.Choice(["minmax", "percentile", "entropy"]),
    default="percentile",
    show_default=True,
    help="How int8's ranges are cut, in formats that begin with ONNX.",
)
@click.option("--keep-accuracy", is_flag=True, help="int8: nodes back to float32 until it holds.")
@click.option("--target", help="Build for this device's processor.  [default: this machine]")
@click.option("--tensorrt", metavar="VERSION", help="For this TensorRT: 8.6, 10.3, 11.0, …")
@parsed("--ram", parse_bytes, "SIZE", "Memory to stay in, where a format trades time for it.")
@parsed("--disk", parse_bytes, "SIZE", "Size to stay in, likewise.")
@data_options
@click.option("-o", "--out", type=click.Path(path_type=Path), help="To write; default: in FOLDER.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, folder: Path, format_: str, out: Path | None, as_json: bool, **given: Any) -> None:
    """Write the trained network in FOLDER (what `train` left, or a build) as an artefact.

    It holds weights, preprocessing and class names; equal networks give equal bytes. Formats
    are one file, but c and web, which are folders: C source to build into a firmware, and a
    page that works offline. int8 is calibrated on the training images of --data. FOLDER may be an
    ONNX file that was not trained here, for onnx, openvino, ort and tensorrt.
    """
    from ccnet_edge.cli.export_inputs import options_for, show, write_outside
    from ccnet_edge.export import FILES, export, trained_folder

    name = FILES.get(format_, f"model.{format_}")
    if folder.suffix == ".onnx":
        own = f"{folder.stem}-{given['precision']}{name.removeprefix('model')}"
        with progress_bars() as progress:
            artifact = write_outside(folder, out or folder.with_name(own), format_, progress, given)
        show(artifact, out or folder.with_name(own), as_json)
        return
    path = out if out is not None else folder / name
    trained = trained_folder(folder)
    with progress_bars() as progress:
        options = options_for(format_, trained, progress=progress, **given)
        say(f"exporting {folder} as {format_}")
        artifact = export(format_, trained, path, options)
    show(artifact, path, as_json)
