"""The option that writes a command's gates as JUnit XML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from ccnet_edge.cli.console import say
from ccnet_edge.spec.report import Gate

junit_option = click.option(
    "--junit",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the gates as JUnit XML, a test case each.",
)


def save_junit(path: Path | None, suites: Mapping[str, Sequence[Gate]]) -> None:
    """Write the gates of each suite to `path`, where one was given."""
    if path is not None:
        from ccnet_edge.report.junit import write_junit

        say(f"wrote {write_junit(suites, path)}")
