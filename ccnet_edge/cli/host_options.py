"""Options of the commands that work on a device."""

from __future__ import annotations

import click

from ccnet_edge.cli.option_values import Option

HOST = "local, ssh://user@device[:port] or adb://serial"
keep_option = click.option(
    "--keep", is_flag=True, help="Leave what was copied on the device for the next time."
)


def host_option(default: str) -> Option:
    """The option `--host`, with what it is where it is not given."""
    return click.option("--host", metavar="URL", help=f"{HOST}.  [default: {default}]")
