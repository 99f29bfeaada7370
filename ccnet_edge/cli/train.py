"""`ccnet-edge train`: train the network of a plan and score it on the test images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ccnet_edge.cli.console import print_json, progress_bars, say
from ccnet_edge.cli.data_options import DatasetRequest, data_options
from ccnet_edge.cli.option_values import parse_seconds, parsed
from ccnet_edge.cli.plan_inputs import parse_size
from ccnet_edge.cli.train_inputs import find_network, parse_widths


@click.command()
@click.argument("plan", required=False, type=click.Path(path_type=Path))
@data_options
@parsed("--widths", parse_widths, "N,…", "Channels by scale, in place of a plan: 4,8,16,32,65.")
@click.option("--arch", default="unet", show_default=True, help="Architecture of --widths.")
@parsed(
    "--size", parse_size, "HxW", "Network input in pixels; default: the plan's, or the images'."
)
@click.option("--recipe", default="default", show_default=True, help="default, quick or paper.")
@click.option("--steps", type=click.IntRange(1), help="In place of the recipe's.")
@parsed("--time-limit", parse_seconds, "TIME", "As many steps as fit into 90s, 12min or 1h.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or mps.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option(
    "-o", "--out", required=True, type=click.Path(path_type=Path), help="Folder for the network."
)
def command(
    *,
    plan: Path | None,
    dataset_request: DatasetRequest,
    widths: tuple[int, ...] | None,
    arch: str,
    size: tuple[int, int] | None,
    as_json: bool,
    out: Path,
    **options: Any,
) -> None:
    """Train the network of PLAN (a file or a build directory) and score it on the test images.

    A run that was killed continues where it was when the same command is given again. Under
    torchrun every process takes its share of each batch.
    """
    from ccnet_edge.train.describe import describe
    from ccnet_edge.train.session import train_and_score

    with progress_bars() as progress:
        dataset = dataset_request.open(progress)
        network, at = find_network(plan, widths, arch, size, dataset)
        document = train_and_score(network, dataset, size=at, out=out, progress=progress, **options)
    if document is not None:
        say(f"wrote {out}")
        print_json(document) if as_json else click.echo(describe(document))
