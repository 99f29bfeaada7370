"""`ccnet-edge run`: segment images with a bundle, here or on a device."""

from __future__ import annotations

from pathlib import Path

import click

from ccnet_edge.cli.console import print_json, progress_bars, say
from ccnet_edge.cli.host_options import host_option, keep_option
from ccnet_edge.cli.signing_options import trust_of, trust_options


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o", "--out", required=True, type=click.Path(path_type=Path), help="Folder for the masks."
)
@click.option("--overlay", is_flag=True, help="Also draw each mask over its image.")
@click.option(
    "--tiled",
    is_flag=True,
    help="Keep the training images' scale, tile by tile: for images that show more than they did.",
)
@host_option("this machine")
@keep_option
@trust_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    bundle: Path,
    images: tuple[Path, ...],
    out: Path,
    overlay: bool,
    tiled: bool,
    host: str | None,
    keep: bool,
    key: Path | None,
    signature: Path | None,
    as_json: bool,
) -> None:
    """Segment IMAGES (files and folders) with BUNDLE (a folder or archive), here or on a device.

    Writes a PNG mask of each image's own size: 0 and 255 for two classes, else class indices.
    """
    from ccnet_edge.bench import open_host, run_on
    from ccnet_edge.device.run import describe, warnings

    with progress_bars() as progress, open_host(host or "local", keep=keep) as machine:
        report = run_on(
            machine,
            bundle,
            images,
            out,
            overlays=overlay,
            tiled=tiled,
            trust=trust_of(key, signature),
            progress=progress,
        )
    for warning in warnings(report):
        say(warning)
    if as_json:
        print_json(report)
    else:
        click.echo(describe(report))
    report.check()
