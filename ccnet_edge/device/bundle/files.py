"""The files of a bundle, in a folder or an archive, with nothing taken on trust.

A bundle may come from anywhere. Names are checked before they become paths, sizes before
memory is asked for, and an archive is never unpacked to disk.
"""

from __future__ import annotations

import re
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from ccnet_edge.errors import BundleRefusedError
from ccnet_edge.spec.bundle import BUNDLE_FOLDER, MANIFEST

# Plain names, folders with forward slashes: no "..", no root, no drive, nothing that a file
# system or terminal reads in its own way.
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
MAX_NAME = 200
MAX_FILES = 100
ENCRYPTED = 0x1


class Files(Protocol):
    """Where a bundle's files are read from."""

    def names(self) -> tuple[str, ...] | None:
        """Every file that is there; None where other files do not matter."""

    def read(self, name: str, *, limit: int) -> bytes:
        """The content of `name`, refused unread where it is larger than `limit` bytes."""


class FolderFiles:
    """An unpacked bundle.

    Files that the manifest does not list are left alone: nothing reads them, and systems
    leave their own files in folders that people look into.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> None:
        """Other files do not matter."""
        return

    def read(self, name: str, *, limit: int) -> bytes:
        """The content of `name`; links are not followed, and only regular files read."""
        check_name(name, where=self.folder)
        path = self.folder
        for part in name.split("/"):
            path = path / part
            if path.is_symlink():
                raise BundleRefusedError(f"{path}: a file of the bundle was wanted, found a link")
        if not path.is_file():
            raise BundleRefusedError(f"{self.folder}: the bundle's {name} is missing")
        if path.stat().st_size > limit:
            raise _too_large(self.folder, name, path.stat().st_size, limit)
        try:
            return path.read_bytes()
        except OSError as error:
            raise BundleRefusedError(f"{path}: could not be read: {error}") from error


class ArchiveFiles:
    """A packed bundle: a zip of stored files, refused whole if any entry is not plain."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._opened() as archive:
            self._members = _checked(archive, path)

    def names(self) -> tuple[str, ...]:
        """Every file in the archive."""
        return tuple(self._members)

    def read(self, name: str, *, limit: int) -> bytes:
        """The content of `name`."""
        check_name(name, where=self.path)
        if name not in self._members:
            raise BundleRefusedError(f"{self.path}: the bundle's {name} is missing")
        if self._members[name] > limit:
            raise _too_large(self.path, name, self._members[name], limit)
        with self._opened() as archive:
            return archive.read(name)

    @contextmanager
    def _opened(self) -> Iterator[zipfile.ZipFile]:
        try:
            with zipfile.ZipFile(self.path) as archive:
                yield archive
        except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError) as error:
            raise BundleRefusedError(
                f"{self.path}: a bundle's archive was wanted: {error}",
                hint="it is damaged, cut short, or of another kind; copy it again",
            ) from error


def bundle_files(path: Path) -> Files:
    """The files of the bundle at `path`: an archive, a folder, or a build directory.

    Raises:
        BundleRefusedError: nothing is there, or it is no plain zip.
    """
    if path.is_dir():
        inside = path / BUNDLE_FOLDER
        built = not (path / MANIFEST).exists() and (inside / MANIFEST).is_file()
        return FolderFiles(inside if built else path)
    if not path.is_file():
        raise BundleRefusedError(f"{path}: a bundle (folder or .zip) was wanted, found nothing")
    return ArchiveFiles(path)


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


def _checked(archive: zipfile.ZipFile, path: Path) -> dict[str, int]:
    """Name → size of every entry, all of them plain."""
    entries = archive.infolist()
    if len(entries) > MAX_FILES:
        raise BundleRefusedError(f"{path}: at most {MAX_FILES} files were wanted, {len(entries)}")
    members: dict[str, int] = {}
    folded: set[str] = set()
    for entry in entries:
        _check_entry(entry, path)
        # Two names that differ in case are one file on some systems.
        if entry.filename.casefold() in folded:
            raise BundleRefusedError(f"{path}: two files are named {entry.filename!r}")
        folded.add(entry.filename.casefold())
        members[entry.filename] = entry.file_size
    # Entries that share their bytes make a small archive large: the sum gives them away.
    if sum(members.values()) > path.stat().st_size:
        raise BundleRefusedError(
            f"{path}: the archive has {path.stat().st_size} bytes, its files declare "
            f"{sum(members.values())}"
        )
    return members


def _check_entry(entry: zipfile.ZipInfo, path: Path) -> None:
    check_name(entry.filename, where=path)
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise BundleRefusedError(f"{path}: {entry.filename} is a link or special file")
    if entry.flag_bits & ENCRYPTED:
        raise BundleRefusedError(f"{path}: {entry.filename} is encrypted")
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        raise BundleRefusedError(
            f"{path}: {entry.filename} is compressed, a bundle's files are stored as they are",
            hint="pack it with ccnet-edge package",
        )


def _too_large(where: Path, name: str, found: int, limit: int) -> BundleRefusedError:
    return BundleRefusedError(f"{where}: {name} has {found} bytes, at most {limit} were wanted")
