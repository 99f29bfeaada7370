"""`ccnet-edge package`: pack a finished build's bundle into one archive."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from ccnet_edge.cli.console import print_json, say
from ccnet_edge.cli.outside_options import OutsideOptions, outside_options
from ccnet_edge.cli.signing_options import SignRequest, sign_options
from ccnet_edge.spec.bundle import PackedAs


@click.command()
@click.argument("build", metavar="[BUILD_DIR]", required=False, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="What to write; default: the bundle's name, in BUILD_DIR or beside the ONNX file.",
)
@click.option(
    "--format",
    "packed_as",
    type=click.Choice(get_args(PackedAs)),
    default="zip",
    show_default=True,
    help="One file (zip, tar), an OCI image layout for the target's processor, or a folder.",
)
@outside_options
@sign_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    build: Path | None,
    out: Path | None,
    packed_as: PackedAs,
    signing: SignRequest,
    outside: OutsideOptions,
    as_json: bool,
) -> None:
    """Pack a finished build, or an ONNX file from elsewhere: the same bytes every time.

    What was measured of it is written to a file beside it.
    """
    from ccnet_edge.device.package import measured_path

    path, measured = outside.package(build, out, packed_as=packed_as)
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
