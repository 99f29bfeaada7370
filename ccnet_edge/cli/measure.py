"""`ccnet-edge measure`: how complex the images of a data set are, per scale."""

from __future__ import annotations

from pathlib import Path

import click

from ccnet_edge.cli.console import print_json, progress_bars, say
from ccnet_edge.cli.data_options import DatasetRequest, data_options
from ccnet_edge.cli.option_values import parsed
from ccnet_edge.cli.plan_inputs import parse_size
from ccnet_edge.complexity import fitting_size, measure
from ccnet_edge.complexity.definitions import DEFAULT_DEFINITION, find_definition
from ccnet_edge.complexity.describe import describe
from ccnet_edge.complexity.joint import with_joint
from ccnet_edge.complexity.measuring import SCALES
from ccnet_edge.complexity.plot import plot_complexity, plot_path
from ccnet_edge.spec import serial


@click.command()
@data_options
@parsed(
    "--size",
    parse_size,
    "HxW",
    "Pixels to measure at: 512 or 384x512; default: the images', to 512.",
)
@click.option(
    "--definition",
    default=DEFAULT_DEFINITION.name,
    show_default=True,
    help="What J means: colour-bytes, colour-bits or grey-bytes.",
)
@click.option("--omega", type=click.FloatRange(0, 1), help="Also JB = ωJ + (1 − ω)B for this ω.")
@click.option("--scales", type=click.IntRange(1, 8), default=SCALES, show_default=True)
@click.option("--workers", type=click.IntRange(1), help="Images at a time; default: processors.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@parsed("--plot", plot_path, "FILE", "Draw J by scale into this .png, .svg or .pdf.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Write the result to this file.")
def command(
    *,
    dataset_request: DatasetRequest,
    size: tuple[int, int] | None,
    definition: str,
    omega: float | None,
    scales: int,
    workers: int | None,
    as_json: bool,
    plot: Path | None,
    out: Path | None,
) -> None:
    """Measure how complex the training images of a data set are, per scale.

    J moves by up to 1.6× with the size of the images: give the size that the network will see.
    """
    meaning = find_definition(definition)
    with progress_bars() as progress:
        dataset = dataset_request.open(progress)
        height, width = size or fitting_size(dataset)
        found = measure(
            dataset,
            height=height,
            width=width,
            definition=meaning,
            scales=scales,
            workers=workers,
            progress=progress,
        )
    if omega is not None:
        found = with_joint(found, omega)
    if out is not None:
        say(f"wrote {serial.save(found, out)}")
    if plot is not None:
        say(f"wrote {plot_complexity(found, plot, title=dataset.name)}")
    if as_json:
        print_json(found)
    else:
        click.echo(describe(found))
