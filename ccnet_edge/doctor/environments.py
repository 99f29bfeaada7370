"""Isolated environments: what state they are in, and having one made."""

from __future__ import annotations

from collections.abc import Iterator

from ccnet_edge.errors import CcnetError
from ccnet_edge.isolated import ENVIRONMENTS, find_environment, make_environment
from ccnet_edge.isolated.making import check_environment, missing_packages
from ccnet_edge.spec.doctor import Finding
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.units import format_bytes


def check_environments() -> Iterator[Finding]:
    """Every isolated environment: made and whole, damaged, or not there."""
    for name, row in sorted(ENVIRONMENTS.items()):
        environment = find_environment(name)
        missing = missing_packages(environment) if environment.is_made() else ()
        if not environment.is_made():
            detail = f"not installed: {row.does}; {format_bytes(row.size_bytes)}"
        elif missing:
            detail = f"damaged: {', '.join(missing[:3])} missing in {environment.folder}"
        else:
            detail = f"{row.title}: {row.does}; {environment.folder}"
        found = environment.is_made() and not missing
        hint = "" if found else environment.command
        yield Finding(name=name, found=found, detail=detail, hint=hint)


def install(name: str, *, progress: Progress = silent) -> Finding:
    """Make the environment `name`, anew where it is damaged.

    Raises:
        UsageError: no such environment, no room, or packages that could not be had.
        CcnetError: its packages do not work on this machine.
    """
    environment = find_environment(name)
    was_made = environment.is_made()
    make_environment(environment, progress=progress)
    wrong = check_environment(environment)
    if wrong and was_made:
        make_environment(environment, anew=True, progress=progress)
        wrong = check_environment(environment)
    if wrong:
        raise CcnetError(
            f"the isolated environment {name} was made, but does not work: {wrong}",
            hint=f"its packages may have no build for this machine; remove {environment.folder}",
        )
    return Finding(name=name, found=True, detail=str(environment.folder))
