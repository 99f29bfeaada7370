"""`ccnet-edge export`: write a trained network as an artefact."""

from __future__ import annotations

from pathlib import Path

import click

from ccnet_edge.cli.console import print_json, say
from ccnet_edge.units import format_bytes


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--format", "format_", default="onnx", show_default=True, help="Of the artefact.")
@click.option(
    "--dynamic", is_flag=True, help="Take any height and width the network's stride fits."
)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="File to write; default: in FOLDER."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(folder: Path, format_: str, dynamic: bool, out: Path | None, as_json: bool) -> None:
    """Write the trained network in FOLDER (what `train` left, or a build) as one file.

    The file holds weights, preprocessing and class names; equal networks give equal bytes.
    """
    from ccnet_edge.export import export, trained_folder

    target = out if out is not None else folder / f"model.{format_}"
    say(f"exporting {folder} as {format_}")
    artifact = export(format_, trained_folder(folder), target, dynamic=dynamic)
    if as_json:
        print_json(artifact)
    else:
        size = format_bytes(artifact.size_bytes)
        click.echo(f"{target}  {size}  opset {artifact.opset}  sha256 {artifact.sha256}")
