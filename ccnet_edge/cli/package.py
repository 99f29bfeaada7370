"""`ccnet-edge package`: pack a finished build's bundle into one archive."""

from __future__ import annotations

from pathlib import Path

import click

from ccnet_edge.cli.console import print_json, say


@click.command()
@click.argument("build", metavar="BUILD_DIR", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="The archive to write; default: the name that the build gave it, in BUILD_DIR.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(build: Path, out: Path | None, as_json: bool) -> None:
    """Pack the bundle of a finished build into one archive, the same bytes every time.

    What was measured of it is written beside it, to measured.json.
    """
    from ccnet_edge.device.package import MEASURED, package_build

    path, measured = package_build(build, out)
    if any(gate.status == "failed" for gate in measured.gates):
        say(f"warning: the bundle is marked UNFIT: see the gates in {path.with_name(MEASURED)}")
    if as_json:
        print_json(measured)
    else:
        click.echo(f"{path}  {measured.archive_bytes} bytes")
        click.echo(f"sha256 {measured.archive_sha256}")
        click.echo(path.with_name(MEASURED))
