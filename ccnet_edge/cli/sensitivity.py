"""`ccnet-edge sensitivity`: what a trained network loses when one layer is pruned at random."""

from __future__ import annotations

from pathlib import Path

import click

from ccnet_edge.cli.console import print_json, progress_bars, say
from ccnet_edge.cli.data_options import DatasetRequest, data_options
from ccnet_edge.cli.option_values import parsed
from ccnet_edge.complexity.plot import plot_path
from ccnet_edge.spec import serial
from ccnet_edge.units import parse_share


@click.command()
@click.argument("trained", type=click.Path(path_type=Path))
@data_options
@parsed(
    "--shares",
    lambda text: tuple(parse_share(part) for part in text.split(",")),
    "SHARE,…",
    "Of a layer's weights that go.  [default: 25%,50%,75%]",
)
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, help="Draws each.")
@click.option("--images", type=click.IntRange(1), help="Test images to score on; default: all.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@parsed("--plot", plot_path, "FILE", "Draw the loss by layer: .png, .svg or .pdf.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Write the result to this file.")
def command(
    *,
    trained: Path,
    dataset_request: DatasetRequest,
    shares: tuple[float, ...] | None,
    seeds: int,
    images: int | None,
    as_json: bool,
    plot: Path | None,
    out: Path | None,
) -> None:
    """Prune each layer of TRAINED (a training's or build's folder) at random and score the rest."""
    from ccnet_edge.experiments.sensitivity import SHARES, measure_sensitivity
    from ccnet_edge.experiments.sensitivity_text import describe_sensitivity, plot_sensitivity
    from ccnet_edge.export import trained_folder

    with progress_bars() as progress:
        dataset = dataset_request.open(progress)
        found = measure_sensitivity(
            trained_folder(trained), dataset, shares=shares or SHARES, seeds=seeds, images=images,
            progress=progress,
        )  # fmt: skip
    if out is not None:
        say(f"wrote {serial.save(found, out)}")
    if plot is not None:
        say(f"wrote {plot_sensitivity(found, plot)}")
    print_json(found) if as_json else click.echo(describe_sensitivity(found))
