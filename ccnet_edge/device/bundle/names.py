"""Names and sizes that a bundle's files may have, checked before they become paths or memory."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ccnet_edge.errors import BundleRefusedError

# Plain names, folders with forward slashes: no "..", no root, no drive, nothing that a file
# system or terminal reads in its own way.
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
MAX_NAME = 200
MAX_FILES = 100


@dataclass(frozen=True, kw_only=True)
class Member:
    """Where a file's bytes stand in an archive; `crc32` where the archive's kind has one."""

    name: str
    offset: int
    size: int
    crc32: int | None = None


def check_name(name: str, *, where: Path) -> None:
    """Refuse a name that could be anything but a plain file inside the bundle.

    Raises:
        BundleRefusedError: absolute, with `..`, odd characters, or too long.
    """
    if len(name) > MAX_NAME or NAME.fullmatch(name) is None:
        raise BundleRefusedError(
            f"{where}: a plain file name was wanted, found {name[:MAX_NAME]!r}",
            hint="the bundle was not made by ccnet-edge; do not use it",
        )


def check_names(names: Iterable[str], *, where: Path) -> None:
    """Refuse names that are not plain, or that are one file on some system.

    Raises:
        BundleRefusedError: as `check_name`; two names that differ at most in case; a name
            that is another one's folder.
    """
    folded: set[str] = set()
    for name in names:
        check_name(name, where=where)
        if name.casefold() in folded:
            raise BundleRefusedError(f"{where}: two files are named {name!r}")
        folded.add(name.casefold())
    for name in folded:
        parts = name.split("/")
        for depth in range(1, len(parts)):
            if "/".join(parts[:depth]) in folded:
                raise BundleRefusedError(f"{where}: {name!r} would lie inside a file")


def check_count(count: int, *, where: Path) -> None:
    """Refuse more files than a bundle has.

    Raises:
        BundleRefusedError: too many.
    """
    if count > MAX_FILES:
        raise BundleRefusedError(f"{where}: at most {MAX_FILES} files were wanted, found {count}")


def too_large(where: Path, name: str, found: int, limit: int) -> BundleRefusedError:
    """The error for a file that has more bytes than it may."""
    return BundleRefusedError(f"{where}: {name} has {found} bytes, at most {limit} were wanted")


def not_canonical(where: Path, offset: int, what: str) -> BundleRefusedError:
    """The error for an archive that holds bytes that `package` does not write."""
    return BundleRefusedError(
        f"{where}: a bundle's archive was wanted, as ccnet-edge packs it; at byte {offset}, {what}",
        hint="it was changed, damaged, cut short, or packed by another program; copy it again",
    )
