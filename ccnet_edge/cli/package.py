"""`ccnet-edge package`: pack a finished build's bundle into one archive."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from ccnet_edge.cli.console import print_json, say
from ccnet_edge.cli.signing_options import SignRequest, sign_options
from ccnet_edge.spec.bundle import PackedAs


@click.command()
@click.argument("build", metavar="BUILD_DIR", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="What to write; default: the name that the build gave it, in BUILD_DIR.",
)
@click.option(
    "--format",
    "packed_as",
    type=click.Choice(get_args(PackedAs)),
    default="zip",
    show_default=True,
    help="One file (zip, tar), an OCI image layout for the target's processor, or a folder.",
)
@sign_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    build: Path,
    out: Path | None,
    packed_as: PackedAs,
    signing: SignRequest,
    as_json: bool,
) -> None:
    """Pack the bundle of a finished build, the same bytes every time.

    What was measured of it is written to a file beside it.
    """
    from ccnet_edge.device.package import measured_path, package_build

    path, measured = package_build(build, out, packed_as=packed_as)
    fit = all(gate.status != "failed" for gate in measured.gates)
    signing.apply(path, fit=fit)
    if not fit:
        say(f"warning: the bundle is marked UNFIT: see the gates in {measured_path(path)}")
    if as_json:
        print_json(measured)
    else:
        click.echo(f"{path}  {measured.archive_bytes} bytes")
        click.echo(f"sha256 {measured.archive_sha256}")
        click.echo(measured_path(path))
