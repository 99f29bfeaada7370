"""`ccnet-edge targets`: list, show, check and probe devices."""

from __future__ import annotations

from pathlib import Path

import click

from ccnet_edge.cli.console import print_json, progress_bars
from ccnet_edge.cli.target_text import ProfileList, profile_line, profile_text
from ccnet_edge.targets import check_profiles, list_profiles, load_profile, profile_path


@click.group()
def command() -> None:
    """List, show and check device profiles; write one of a device of your own.

    A profile is a TOML file. For a device of your own copy the one that `show` names, change
    it, and give its path wherever a target's name goes.
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_command(*, as_json: bool) -> None:
    """List the targets that are known by name."""
    profiles = list_profiles()
    if as_json:
        print_json(ProfileList(targets=profiles))
        return
    formatter = click.HelpFormatter(width=100)
    formatter.write_dl([profile_line(profile) for profile in profiles])
    click.echo(formatter.getvalue(), nl=False)


@command.command()
@click.argument("target")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def show(target: str, *, as_json: bool) -> None:
    """Show one target: TARGET is a name, or the path of a TOML file."""
    profile = load_profile(target)
    if as_json:
        print_json(profile)
    else:
        click.echo(profile_text(profile, profile_path(target)))


@command.command("probe")
@click.argument("host", metavar="HOST")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="The TOML file to write.")
def probe_command(host: str, *, out: Path | None) -> None:
    """Write a profile from a device itself.

    HOST is local, ssh://user@device[:port] or adb://serial.
    """
    from ccnet_edge.bench.probe import probe, write_profile

    with progress_bars() as progress:
        text = probe(host, progress=progress)
    click.echo(text if out is None else write_profile(text, out), nl=out is not None)


@command.command()
@click.argument("targets", nargs=-1)
def check(targets: tuple[str, ...]) -> None:
    """Check TARGETS, names or paths; without any, every target that is known."""
    for profile in check_profiles(targets):
        click.echo(f"ok  {profile.name}: {profile.title}")
