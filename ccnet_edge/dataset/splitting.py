"""Splits that depend on names and seed alone, and keep groups together."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from ccnet_edge.dataset.naming import common_folder
from ccnet_edge.dataset.sample import Sample
from ccnet_edge.errors import DataError, UsageError


def group_of(name: str, group_by: str | None) -> str:
    """What `group_by` finds in `name`: its own name where nothing is asked.

    Raises:
        DataError: the expression is not found in the name.
    """
    if group_by is None:
        return name
    if group_by.isdecimal():
        return name[: int(group_by)]
    found = _pattern(group_by).search(name)
    if found is None:
        raise DataError(f"{name}: the group expression {group_by!r} was not found in the name")
    return str(found[1] if found.re.groups else found[0])


def take_share(
    samples: Sequence[Sample], *, share: float, seed: int, group_by: str | None
) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """(taken, left): whole groups that together come nearest to `share` of the samples.

    The order in which groups are taken is that of sha256(seed, group): it does not change
    with the machine or with the other images. At least one group is taken and one left.

    Raises:
        DataError: fewer than two groups.
    """
    groups: dict[str, list[Sample]] = {}
    folder = common_folder(sample.name for sample in samples)
    for sample in samples:
        name = sample.name.removeprefix(folder)
        groups.setdefault(group_of(name, group_by), []).append(sample)
    if len(groups) < 2:
        raise DataError(
            f"at least two {'images' if group_by is None else 'groups'} are needed for a split, "
            f"found {len(groups)}",
            hint="add images, or change --group-by",
        )
    taken = _nearest_to(share * len(samples), groups, seed)
    inside = {sample.name for group in taken for sample in groups[group]}
    return (
        tuple(sample for sample in samples if sample.name in inside),
        tuple(sample for sample in samples if sample.name not in inside),
    )


def _nearest_to(wanted: float, groups: dict[str, list[Sample]], seed: int) -> list[str]:
    order = sorted(
        groups,
        key=lambda group: hashlib.sha256(
            f"{seed}\0{group}".encode(errors="surrogatepass")
        ).digest(),
    )
    taken, count = order[:1], len(groups[order[0]])
    for group in order[1:-1]:
        with_it = count + len(groups[group])
        if abs(with_it - wanted) < abs(count - wanted):
            taken.append(group)
            count = with_it
    return taken


def _pattern(group_by: str) -> re.Pattern[str]:
    try:
        return re.compile(group_by)
    except re.error as error:
        raise UsageError(
            f"--group-by: a regular expression or a number was wanted, found {group_by!r}: {error}"
        ) from error
