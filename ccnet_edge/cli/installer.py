"""`ccnet-edge installer`: write the program that installs signed bundles on a device."""

from __future__ import annotations

from pathlib import Path

import click

from ccnet_edge.cli.option_values import parsed
from ccnet_edge.cli.signing_options import path_type
from ccnet_edge.units import parse_bytes


@click.command()
@click.option(
    "--key", type=path_type, required=True, help="The public key to trust, or a folder of *.pub."
)
@click.option(
    "--root", default="/opt/ccnet", show_default=True, help="The folder that it installs to."
)
@parsed("--disk", parse_bytes, "SIZE", "What both versions there may take together, e.g. 20MB.")
@click.option(
    "--python",
    metavar="FILE",
    help="The device's Python that has the runtime's packages.  [default: the installer's own]",
)
@click.option(
    "--shell", is_flag=True, help="A shell script, for devices without Python; takes tars."
)
@click.option(
    "--test",
    metavar="COMMAND",
    help="With --shell: fails where the bundle, whose folder it gets, does not work there.",
)
@click.option("-o", "--out", type=path_type, help="[default: ccnet-install.pyz or .sh]")
def command(
    key: Path,
    root: str,
    disk: int | None,
    python: str | None,
    shell: bool,
    test: str | None,
    out: Path | None,
) -> None:
    """Write the installer, to be put on the device before any bundle.

    It is one file, needs Python 3.10 and nothing else, and takes only bundles that the key has
    signed: `python3 ccnet-install.pyz install BUNDLE`, then `status`, `rollback` and `check`.
    """
    from ccnet_edge.device.bundle.signature import fingerprint, read_keys
    from ccnet_edge.device.install.writing import write_installer

    keys = read_keys(key)
    out = out or Path("ccnet-install.sh" if shell else "ccnet-install.pyz")
    write_installer(out, keys, root=root, disk_bytes=disk, python=python, shell=shell, test=test)
    click.echo(f"{out}  trusts {', '.join(map(fingerprint, keys))}")
