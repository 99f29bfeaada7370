"""`ccnet-edge sign`: write a bundle's signature beside it."""

from __future__ import annotations

from pathlib import Path

import click

from ccnet_edge.cli.console import print_json
from ccnet_edge.cli.signing_options import passphrase_of, passphrase_option, path_type


@click.command()
@click.argument("bundle", type=path_type)
@click.option("--key", type=path_type, required=True, help="The private key.")
@passphrase_option
@click.option("--allow-unfit", is_flag=True, help="Sign what missed a limit it was built for.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    bundle: Path, key: Path, passphrase_file: Path | None, allow_unfit: bool, as_json: bool
) -> None:
    """Check that BUNDLE (archive, image or folder) is whole, and sign it.

    The signature is a file beside it, with .sig at the end of its name.
    """
    from ccnet_edge.signing import sign_bundle

    passphrase = passphrase_of(passphrase_file)
    signed = sign_bundle(bundle, key, passphrase=passphrase, unfit=allow_unfit)
    if as_json:
        print_json(signed)
    else:
        click.echo(f"{signed.signature}  {signed.statement.name} version "
                   f"{signed.statement.version}, signed by {signed.statement.key}")  # fmt: skip
