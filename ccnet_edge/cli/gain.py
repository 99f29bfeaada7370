"""`ccnet-edge gain`: what thinning saves at a share of the base network's accuracy."""

from __future__ import annotations

from pathlib import Path

import click

from ccnet_edge.cli.console import print_json, progress_bars, say
from ccnet_edge.cli.option_values import parsed
from ccnet_edge.complexity.plot import plot_path
from ccnet_edge.spec import serial
from ccnet_edge.spec.plan import Metric, Solution
from ccnet_edge.units import parse_share


def read_plan(text: str) -> Solution:
    """The plan in a file that `plan -o` wrote, or in a build directory."""
    path = Path(text)
    return serial.load(Solution, path / "plan.json" if path.is_dir() else path)


@click.command()
@click.option(
    "--work", required=True, type=click.Path(path_type=Path), help="Folder of a sweep's trials."
)
@parsed("--floor", parse_share, "SHARE", "Of the base network's accuracy.  [default: 95%]")
@click.option("--metric", type=click.Choice(["f1", "iu"]), default="f1", show_default=True)
@parsed("--plan", read_plan, "FILE", "Also what this plan removes of each layer.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@parsed("--plot", plot_path, "FILE", "Draw what is saved: .png, .svg or .pdf.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Write the result to this file.")
def command(
    *,
    work: Path,
    floor: float | None,
    metric: Metric,
    plan: Solution | None,
    as_json: bool,
    plot: Path | None,
    out: Path | None,
) -> None:
    """Say how many times fewer weights, and less time, keep a share of the base's accuracy."""
    from ccnet_edge.experiments.gain import FLOOR, measure_gain
    from ccnet_edge.experiments.gain_text import describe_gain, plot_gain

    with progress_bars() as progress:
        gain = measure_gain(
            work, floor=FLOOR if floor is None else floor, metric=metric, plan=plan,
            progress=progress,
        )  # fmt: skip
    if out is not None:
        say(f"wrote {serial.save(gain, out)}")
    if plot is not None:
        say(f"wrote {plot_gain(gain, plot)}")
    print_json(gain) if as_json else click.echo(describe_gain(gain))
