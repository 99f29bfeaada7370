"""`ccnet-edge report`: a finished build's summary, and its report.html."""

from __future__ import annotations

from pathlib import Path

import click

from ccnet_edge.cli.console import print_json, say


@click.command()
@click.argument("build", metavar="BUILD_DIR", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(build: Path, as_json: bool) -> None:
    """Show the summary of the finished build in BUILD_DIR and write its report.html again."""
    from ccnet_edge.compiler import read_build
    from ccnet_edge.report import describe_build

    summary, page = read_build(build)
    say(f"wrote {page}")
    if as_json:
        print_json(summary)
    else:
        click.echo(describe_build(summary))
