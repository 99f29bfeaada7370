"""`ccnet-edge samples`: are there enough training images for a network, by [G22]."""

from __future__ import annotations

from pathlib import Path

import click

from ccnet_edge.cli.console import print_json, progress_bars, say
from ccnet_edge.cli.data_options import DatasetRequest, data_options
from ccnet_edge.cli.option_values import parsed
from ccnet_edge.cli.samples_options import SamplesOptions, samples_options
from ccnet_edge.complexity.plot import plot_path


@click.command()
@click.argument("plan", required=False, type=click.Path(path_type=Path))
@data_options
@samples_options
@parsed("--plot", plot_path, "FILE", "With --measure: draw the heat map into this file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Write the result to this file.")
def command(
    plan: Path | None,
    dataset_request: DatasetRequest,
    options: SamplesOptions,
    plot: Path | None,
    as_json: bool,
    out: Path | None,
) -> None:
    """Say what the number of training images means for the network of PLAN, or --widths.

    By the surface that Götz et al. 2022 measured, and by one measured here: --measure trains on
    nested subsets, prunes by L1 norm and fine-tunes; its file is what --curve reads.
    """
    from ccnet_edge.spec import serial

    with progress_bars() as progress:
        dataset = dataset_request.open(progress)
        found, text = options.find(plan, dataset, progress)
    if out is not None:
        say(f"wrote {serial.save(found, out)}")
    if plot is not None:
        say(f"wrote {options.draw(found, plot)}")
    print_json(found) if as_json else click.echo(text)
