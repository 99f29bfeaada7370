"""`ccnet-edge keygen`: make a key pair to sign bundles with."""

from __future__ import annotations

from pathlib import Path

import click

from ccnet_edge.cli.console import print_json
from ccnet_edge.cli.signing_options import passphrase_of, passphrase_option, path_type


@click.command()
@click.argument("file", metavar="FILE", type=path_type)
@passphrase_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(file: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """Write a new private key to FILE, which only you can read, and the public one to FILE.pub.

    Keep the first where bundles are signed and nowhere else; give the second to every device.
    """
    from ccnet_edge.signing import make_keys

    keys = make_keys(file, passphrase=passphrase_of(passphrase_file))
    if as_json:
        print_json(keys)
    else:
        click.echo(f"private key  {keys.private}")
        click.echo(f"public key   {keys.public}")
        click.echo(f"fingerprint  {keys.fingerprint}")
