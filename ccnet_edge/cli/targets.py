"""`ccnet-edge targets`: list, show and check device profiles."""

from __future__ import annotations

import click

from ccnet_edge.cli.console import print_json
from ccnet_edge.cli.target_text import ProfileList, profile_line, profile_text
from ccnet_edge.targets import check_profiles, list_profiles, load_profile, profile_path


@click.group()
def command() -> None:
    """List, show and check device profiles.

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


@command.command()
@click.argument("targets", nargs=-1)
def check(targets: tuple[str, ...]) -> None:
    """Check TARGETS, names or paths; without any, every target that is known."""
    for profile in check_profiles(targets):
        click.echo(f"ok  {profile.name}: {profile.title}")
