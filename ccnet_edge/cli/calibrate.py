"""`ccnet-edge calibrate`: measure how fast accuracy falls with size, on data sets of one's own."""

from __future__ import annotations

from pathlib import Path

import click

from ccnet_edge.cli.calibrate_options import SweepOptions, sweep_options
from ccnet_edge.cli.console import print_json, progress_bars, say
from ccnet_edge.cli.option_values import parsed
from ccnet_edge.complexity.plot import plot_path


@click.command()
@click.argument("more", metavar="[DATA]...", nargs=-1, type=click.Path(path_type=Path))
@sweep_options
@parsed("--plot", plot_path, "FILE", "Draw the fits into this .png, .svg or .pdf.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option(
    "-o", "--out", required=True, type=click.Path(path_type=Path), help="The preset to write: JSON."
)
def command(
    more: tuple[Path, ...], options: SweepOptions, plot: Path | None, as_json: bool, out: Path
) -> None:
    """Train thinned networks on several data sets and fit how fast their accuracy falls.

    Give a folder for each data set: --data A B C. Every network is trained once and kept in the
    work folder: a sweep that was killed continues, and another one with the same networks reads
    them. `plan --preset FILE` and `build --preset FILE` then predict by it, with an interval
    where there were three data sets or more.
    """
    from ccnet_edge.experiments.calibrate import calibrate
    from ccnet_edge.experiments.calibration_plot import plot_calibration
    from ccnet_edge.report.calibration import describe_calibration
    from ccnet_edge.spec import serial

    with progress_bars() as progress:
        found = calibrate(
            options.request(out.stem),
            options.datasets(more, progress),
            work=options.work,
            engine=options.engine,
            progress=progress,
        )
    say(f"wrote {serial.save(found, out)}")
    if plot is not None:
        say(f"wrote {plot_calibration(found, plot)}")
    print_json(found) if as_json else click.echo(describe_calibration(found))
