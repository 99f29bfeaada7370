"""`ccnet-edge measure`: how complex the images of a data set are, per scale."""

from __future__ import annotations

from pathlib import Path

import click

from ccnet_edge.cli.console import progress_bars
from ccnet_edge.cli.data_options import DatasetRequest, data_options
from ccnet_edge.cli.measure_options import MeasureOptions, measure_options


@click.command()
@click.argument("more", metavar="[DATA]...", nargs=-1, type=click.Path(path_type=Path))
@data_options
@measure_options
def command(
    *, more: tuple[Path, ...], dataset_request: DatasetRequest, options: MeasureOptions
) -> None:
    """Measure how complex the training images of a data set are, per scale.

    J moves by up to 1.6× with the size of the images: give the size that the network will see.
    --all measures every candidate of the papers, and takes several data sets: --data A B C.
    """
    options.check(more)
    with progress_bars() as progress:
        datasets = [dataset_request.open(progress)]
        datasets += [dataset_request.open_at(folder, progress) for folder in more]
        if options.features is not None:
            options.show_features(datasets[0], progress)
        elif options.everything:
            options.show_all(datasets, progress)
        else:
            options.show_scales(datasets[0], progress)
