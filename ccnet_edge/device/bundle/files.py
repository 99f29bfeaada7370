"""The files of a bundle, in a folder, an archive or an image, with nothing taken on trust.

A bundle may come from anywhere. Names are checked before they become paths, sizes before
memory is asked for, and an archive is never unpacked to disk.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from ccnet_edge.device.bundle import tars, zips
from ccnet_edge.device.bundle.names import Member, check_name, too_large
from ccnet_edge.device.bundle.oci import BLOBS, LAYOUT, ROOT, Blob, ImageFacts, documents
from ccnet_edge.errors import BundleRefusedError, UsageError
from ccnet_edge.spec import serial
from ccnet_edge.spec.bundle import BUNDLE_FOLDER, MANIFEST, PackedAs

# Index, layout, image manifest and configuration are small; the rest of an image is its layer.
MAX_DOCUMENT_BYTES = 64 * 2**10
DOCUMENT_BLOBS = 2


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
        path = self.plain(name)
        if path.stat().st_size > limit:
            raise too_large(self.folder, name, path.stat().st_size, limit)
        try:
            return path.read_bytes()
        except OSError as error:
            raise BundleRefusedError(f"{path}: could not be read: {error}") from error

    def plain(self, name: str) -> Path:
        """The path of `name`, which is a regular file and reached through no link."""
        check_name(name, where=self.folder)
        path = self.folder
        for part in name.split("/"):
            path = path / part
            if path.is_symlink():
                raise BundleRefusedError(f"{path}: a file of the bundle was wanted, found a link")
        if not path.is_file():
            raise BundleRefusedError(f"{self.folder}: the bundle's {name} is missing")
        return path


ReadMembers = Callable[[BinaryIO, int], tuple[Member, ...]]


class ArchiveFiles:
    """A packed bundle: a zip or tar, refused whole unless it is one that `package` writes."""

    def __init__(self, path: Path, read_members: ReadMembers) -> None:
        self.path = path
        with self._opened() as file:
            found = read_members(file, path.stat().st_size)
        self._members = {member.name: member for member in found}

    def names(self) -> tuple[str, ...]:
        """Every file in the archive."""
        return tuple(self._members)

    def read(self, name: str, *, limit: int) -> bytes:
        """The content of `name`."""
        check_name(name, where=self.path)
        member = self._members.get(name)
        if member is None:
            raise BundleRefusedError(f"{self.path}: the bundle's {name} is missing")
        if member.size > limit:
            raise too_large(self.path, name, member.size, limit)
        with self._opened() as file:
            file.seek(member.offset)
            content = file.read(member.size)
        if member.crc32 is not None and zlib.crc32(content) != member.crc32:
            raise BundleRefusedError(
                f"{self.path}: {name} is not what its checksum says",
                hint="it was changed or damaged; copy it again",
            )
        return content

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        try:
            with self.path.open("rb") as file:
                yield file
        except OSError as error:
            raise BundleRefusedError(f"{self.path}: could not be read: {error}") from error


class ImageFiles(ArchiveFiles):
    """An OCI image layout that holds a bundle in its only layer."""

    def __init__(self, folder: Path) -> None:
        self.folder = FolderFiles(folder)
        blobs = {path.name: path for path in (folder / BLOBS).glob("*")}
        plain = [self.folder.plain(f"{BLOBS}/{name}") for name in sorted(blobs)]
        if len(plain) != DOCUMENT_BLOBS + 1:
            raise BundleRefusedError(
                f"{folder}: {DOCUMENT_BLOBS + 1} blobs were wanted in {BLOBS}, found {len(plain)}",
                hint="a bundle's image has a manifest, a configuration and one layer",
            )
        layer = max(plain, key=lambda path: path.stat().st_size)
        self._layer = Blob(sha256=serial.file_sha256(layer), size=layer.stat().st_size)
        if layer.name != self._layer.sha256:
            raise BundleRefusedError(f"{layer}: has the SHA-256 {self._layer.sha256}")
        super().__init__(layer, lambda f, n: tars.tar_members(f, n, where=layer, root=ROOT))

    def check_documents(self, facts: ImageFacts) -> None:
        """Refuse an image whose index, manifest or configuration is not the bundle's.

        Raises:
            BundleRefusedError: a document differs.
        """
        where = self.folder.folder
        try:
            wanted = documents(self._layer, facts)
        except UsageError as error:
            raise BundleRefusedError(f"{where}: {error.message}", hint=error.hint) from error
        for name, content in wanted.items():
            if self.folder.read(name, limit=MAX_DOCUMENT_BYTES) != content:
                raise BundleRefusedError(
                    f"{where}: {name} is not what ccnet-edge writes for this bundle",
                    hint="it was changed, or rewritten by another program that copied it",
                )


def bundle_files(path: Path) -> Files:
    """The files of the bundle at `path`: an archive, folder, image, or build directory.

    Raises:
        BundleRefusedError: nothing is there, or no archive that `package` writes.
    """
    path = located(path)
    kind = packed_as(path)
    if kind == "dir":
        return FolderFiles(path)
    if kind == "oci":
        return ImageFiles(path)
    if kind == "tar":
        return ArchiveFiles(path, lambda f, n: tars.tar_members(f, n, where=path))
    return ArchiveFiles(path, lambda f, n: zips.zip_members(f, n, where=path))


def located(path: Path) -> Path:
    """Where the bundle is: in a build directory, the bundle in it; else `path` itself."""
    inside = path / BUNDLE_FOLDER
    built = not (path / MANIFEST).exists() and (inside / MANIFEST).is_file()
    return inside if built else path


def packed_as(path: Path) -> PackedAs:
    """What the bundle at `path` seems to be packed as; reading it shows whether it is.

    Raises:
        BundleRefusedError: nothing is there.
    """
    if path.is_dir():
        return "oci" if (path / LAYOUT).is_file() else "dir"
    if not path.is_file():
        raise BundleRefusedError(
            f"{path}: a bundle (a folder, .zip or .tar) was wanted, found nothing"
        )
    with path.open("rb") as file:
        head = file.read(tars.BLOCK)
    return "tar" if head[tars.MAGIC_AT :][: len(tars.MAGIC)] == tars.MAGIC else "zip"
