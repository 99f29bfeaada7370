"""`ccnet-edge adopt`: take in a checkpoint or an ONNX file that was trained elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ccnet_edge.cli.option_values import parse_figures, parse_names, parsed
from ccnet_edge.cli.plan_inputs import parse_size
from ccnet_edge.errors import UsageError

if TYPE_CHECKING:
    from ccnet_edge.export.outside_image import Resize

# Full scale of images with so many bits a sample.
FULL_SCALE = {"8": 255.0, "16": 65535.0}


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@parsed("--size", parse_size, "HxW", "Network input in pixels: 512 or 384x512.")
@parsed("--classes", parse_names, "A,B,…", "Names of all classes, background first.")
@parsed("--mean", parse_figures, "M,…", "Of samples from 0 to 1, one a channel.")
@parsed("--std", parse_figures, "S,…", "Their deviations, likewise.")
@click.option(
    "--resize",
    type=click.Choice(["box", "bilinear"]),
    help="How images come to that size.  [default: box]",
)
@click.option("--bits", type=click.Choice(list(FULL_SCALE)), help="Of a sample.  [default: 8]")
@click.option("--arch", help="Of a checkpoint: its architecture.  [default: unet]")
@click.option(
    "--rename",
    type=click.Path(path_type=Path),
    help="Of a checkpoint: a TOML file, what our tensors' names begin with = what its do.",
)
@click.option("--names", is_flag=True, help="Print such a file to fill in, and do nothing else.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="What to write.")
def command(
    *,
    file: Path,
    size: tuple[int, int] | None,
    classes: tuple[str, ...] | None,
    mean: tuple[float, ...] | None,
    std: tuple[float, ...] | None,
    resize: Resize | None,
    bits: str | None,
    arch: str | None,
    rename: Path | None,
    names: bool,
    as_json: bool,
    out: Path | None,
) -> None:
    """Take in a network that was trained elsewhere: a checkpoint, or an ONNX file.

    A checkpoint is a state dict as safetensors of one of our architectures (with torch's own ε in
    batch normalisation, 1e-5). Its widths are read from its tensors, and a folder is written as
    train leaves one: export, parity and build --trained go on from there. An ONNX file of any
    architecture is written with what was said of it, and of one size: export, parity, bench and
    package --onnx go on from that.
    """
    from ccnet_edge.cli.adopt_inputs import take_checkpoint, take_graph
    from ccnet_edge.export.outside_image import Stated

    stated = Stated(
        mean=mean,
        std=std,
        classes=classes,
        size=size,
        resize=resize,
        maximum=None if bits is None else FULL_SCALE[bits],
    )
    maximum = FULL_SCALE[bits or "8"]
    if file.suffix == ".onnx":
        if arch or rename or names:
            raise UsageError("--arch, --rename and --names are for checkpoints, not for ONNX files")
        take_graph(file, stated, maximum, out, as_json=as_json)
    elif names:
        from ccnet_edge.train.adopt import names_to_fill

        click.echo(names_to_fill(file, arch or "unet"))
    else:
        take_checkpoint(file, stated, maximum, out, arch or "unet", rename, as_json=as_json)
