"""`ccnet-edge plan`: solve for the network widths that the limits allow; no torch, no training."""

from __future__ import annotations

from pathlib import Path

import click

from ccnet_edge.cli.console import print_json, say
from ccnet_edge.cli.limit_options import LimitRequest, limit_options
from ccnet_edge.cli.option_values import parsed
from ccnet_edge.cli.plan_inputs import check_floor, parse_figures, parse_size, read_complexity
from ccnet_edge.cli.plan_options import PlanRequest, plan_options
from ccnet_edge.solver.describe import describe
from ccnet_edge.spec import serial
from ccnet_edge.spec.plan import PlanDocument

# Pixels, where neither --size nor a measured complexity says: the size of the examples.
DEFAULT_SIZE = 512


@click.command()
@limit_options
@plan_options
@click.option(
    "--complexity",
    required=True,
    metavar="J,…|FILE",
    help="J by scale, finest first (one figure for all), or what `measure` wrote.",
)
@parsed("--foreground-density", parse_figures, "B,…", "B by scale, for IU.")
@parsed("--size", parse_size, "HxW", "Network input in pixels: 512 or 384x512.")
@click.option("--channels", type=click.IntRange(1), default=1, show_default=True)
@click.option("--classes", type=click.IntRange(2), default=2, show_default=True)
@click.option(
    "--bits", type=click.IntRange(1, 64), default=32, show_default=True, help="Of a stored value."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Write the plan to this file.")
def command(
    *,
    limit_request: LimitRequest,
    plan_request: PlanRequest,
    complexity: str,
    foreground_density: tuple[float, ...] | None,
    size: tuple[int, int] | None,
    channels: int,
    classes: int,
    bits: int,
    as_json: bool,
    out: Path | None,
) -> None:
    """Solve for the network widths that the limits allow."""
    base = plan_request.base(channels=channels, classes=classes)
    check_floor(limit_request, plan_request)
    figures = read_complexity(complexity, foreground_density, size=size)
    height, width = size or (figures.height or DEFAULT_SIZE, figures.width or DEFAULT_SIZE)
    solution = plan_request.solve(
        base, figures, limit_request, height=height, width=width, bits=bits
    )
    if out is not None:
        say(f"wrote {serial.save(solution, out)}")
    if as_json:
        print_json(PlanDocument.of(solution))
    else:
        click.echo(describe(solution))
