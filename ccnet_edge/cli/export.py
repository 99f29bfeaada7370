"""`ccnet-edge export`: write a trained network as an artefact."""

from __future__ import annotations

from pathlib import Path

import click

from ccnet_edge.cli.console import print_json, say
from ccnet_edge.cli.option_values import parsed
from ccnet_edge.units import format_bytes, parse_bytes


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--format", "format_", default="onnx", show_default=True, help="Of the artefact.")
@click.option(
    "--dynamic", is_flag=True, help="Take any height and width the network's stride fits."
)
@click.option("--target", help="Build for this device's processor.  [default: this machine]")
@parsed("--ram", parse_bytes, "SIZE", "Memory to stay in, where a format trades time for it.")
@parsed("--disk", parse_bytes, "SIZE", "Size to stay in, likewise.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="What to write; default: in FOLDER."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    *,
    folder: Path,
    format_: str,
    dynamic: bool,
    target: str | None,
    ram: int | None,
    disk: int | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Write the trained network in FOLDER (what `train` left, or a build) as an artefact.

    It holds weights, preprocessing and class names; equal networks give equal bytes. Formats
    are one file, but c and web, which are folders: C source to build into a firmware, and a
    page that works offline.
    """
    from ccnet_edge.export import FILES, export, trained_folder
    from ccnet_edge.spec.plan import Limits
    from ccnet_edge.targets import load_profile

    path = out if out is not None else folder / FILES.get(format_, f"model.{format_}")
    machine = load_profile(target).instruction_set if target is not None else ""
    say(f"exporting {folder} as {format_}")
    artifact = export(
        format_,
        trained_folder(folder),
        path,
        dynamic=dynamic,
        machine=machine,
        limits=Limits(ram_bytes=ram, disk_bytes=disk),
    )
    if as_json:
        print_json(artifact)
    else:
        opset = f"  opset {artifact.opset}" if artifact.opset else ""
        size = format_bytes(artifact.size_bytes)
        click.echo(f"{path}  {size}{opset}  sha256 {artifact.sha256}")
