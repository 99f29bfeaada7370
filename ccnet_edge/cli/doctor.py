"""`ccnet-edge doctor`: what works here, and for which target."""

from __future__ import annotations

import click

from ccnet_edge.cli.console import print_json, progress_bars


@click.command()
@click.option("--target", "target", help="Only this target; exit 2 where it cannot be built for.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option(
    "--install",
    "engines",
    multiple=True,
    metavar="ENGINE",
    help="Make an isolated environment: executorch, litert or ncnn. Several times for several.",
)
def command(*, target: str | None, as_json: bool, engines: tuple[str, ...]) -> None:
    """Show what works on this machine, and what can be made here and run on each target.

    For what is missing it names the command that installs it. Converters whose packages clash
    with ours are installed by --install, into environments of their own in the user's cache
    ($CCNET_EDGE_CACHE), from lists of exact versions and hashes.
    """
    from ccnet_edge import doctor
    from ccnet_edge.spec.doctor import Section
    from ccnet_edge.targets import list_profiles, load_profile

    if engines:
        with progress_bars() as progress:
            made = tuple(doctor.install(name, progress=progress) for name in engines)
        done = Section(title="isolated environments", findings=made)
        print_json(done) if as_json else click.echo(doctor.describe_section(done))
        return
    found = doctor.diagnose(list_profiles() if target is None else [load_profile(target)])
    print_json(found) if as_json else click.echo(doctor.describe(found))
    if target is not None:
        doctor.require_buildable(found.targets[0])
