"""`ccnet-edge compare`: systems on the same data, budget and training time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ccnet_edge.cli.console import print_json, progress_bars, say
from ccnet_edge.cli.data_options import DatasetRequest, data_options
from ccnet_edge.cli.option_values import parse_seconds, parsed
from ccnet_edge.cli.plan_inputs import parse_size
from ccnet_edge.complexity.plot import plot_path
from ccnet_edge.spec import serial
from ccnet_edge.units import parse_bytes


@click.command()
@data_options
@click.option("--budget", required=True, metavar="SIZE", help="Of the model file: 0.49MB.")
@parsed("--systems", lambda text: tuple(text.split(",")), "NAME,…", "Only these; default: all.")
@click.option("--arch", default="unet", show_default=True, help="The architecture.")
@click.option(
    "--base-width",
    type=click.IntRange(1),
    default=16,
    show_default=True,
    help="Channels of the base network at full resolution.",
)
@click.option("--preset", default="cc21", show_default=True, metavar="NAME|FILE")
@parsed("--size", parse_size, "HxW", "Network input in pixels; default: the images', to 256.")
@click.option("--recipe", default="sweep", show_default=True, help="How networks are trained.")
@click.option("--steps", type=click.IntRange(1), help="Of each system, in place of the recipe's.")
@parsed("--time-limit", parse_seconds, "TIME", "Of each system's training: 2min.")
@click.option("--epsilon", is_flag=True, help="Also train one channel below the plans.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or mps.")
@click.option(
    "--work",
    type=click.Path(path_type=Path),
    default=Path("compare"),
    show_default=True,
    help="Folder that keeps what is finished.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@parsed("--plot", plot_path, "FILE", "Draw accuracy against bytes and latency: .png, .svg, .pdf.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Write the result to this file.")
def command(
    *, dataset_request: DatasetRequest, work: Path, as_json: bool, plot: Path | None,
    out: Path | None, **options: Any,
) -> None:  # fmt: skip
    """Compare networks, pruning and quantisation on the same data, budget and training time."""
    from ccnet_edge.experiments.compare import Comparing, compare_systems
    from ccnet_edge.experiments.systems_plot import plot_systems
    from ccnet_edge.experiments.systems_text import describe_systems

    comparing = Comparing(**{**options, "budget": parse_bytes(options["budget"])})
    with progress_bars() as progress:
        dataset = dataset_request.open(progress)
        table = compare_systems(dataset, comparing, work=work, progress=progress)
    if out is not None:
        say(f"wrote {serial.save(table, out)}")
    if plot is not None:
        say(f"wrote {plot_systems(table, plot)}")
    print_json(table) if as_json else click.echo(describe_systems(table))
