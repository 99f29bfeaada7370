"""What every bundle says of itself in the same words: its name, version, machine, and files.

The rest of a manifest changes with what networks need; this does not, so that an installer that
was put on a device years ago still reads it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ccnet_edge.device.bundle.files import Files, ImageFiles, bundle_files
from ccnet_edge.device.bundle.names import MAX_FILES, MAX_NAME, check_name, check_names
from ccnet_edge.device.bundle.oci import ImageFacts
from ccnet_edge.device.bundle.signature import Statement
from ccnet_edge.device.bundle.trust import MAX_MANIFEST_BYTES, Trust, check_trust
from ccnet_edge.errors import BundleRefusedError, ConfigError
from ccnet_edge.spec import serial
from ccnet_edge.spec.bundle import MANIFEST, SUMS, BundleFile

# The first format whose listing is this one.
FIRST_FORMAT = 2
# Of one file. The largest network of the papers has 124 MB of weights.
MAX_FILE_BYTES = 2**30
# A line has a hash, two spaces, a name and its end.
MAX_SUMS_BYTES = (MAX_FILES + 1) * (64 + 2 + MAX_NAME + 1)


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A bundle whose files are all there, and are what its manifest says, when they are read.

    `manifest` is the manifest's bytes. `statement` is what a trusted key says of the bundle,
    None where none was asked for.
    """

    path: Path
    files: Files
    manifest: bytes
    name: str
    version: int
    instruction_set: str
    listed: tuple[BundleFile, ...]
    statement: Statement | None

    @property
    def manifest_sha256(self) -> str:
        """The manifest's SHA-256, which stands for the whole bundle however it is packed."""
        return hashlib.sha256(self.manifest).hexdigest()

    def read(self, name: str) -> bytes:
        """The content of a listed file.

        Raises:
            BundleRefusedError: it is not listed, or not what its hash says (any more).
        """
        listed = next((file for file in self.listed if file.file == name), None)
        if listed is None:
            raise BundleRefusedError(f"{self.path}: the manifest lists no file {name!r}")
        content = self.files.read(name, limit=min(listed.size_bytes, MAX_FILE_BYTES))
        found = hashlib.sha256(content).hexdigest()
        if len(content) != listed.size_bytes or found != listed.sha256:
            raise BundleRefusedError(
                f"{self.path}: {name} has {len(content)} bytes of SHA-256 {found}, the manifest "
                f"says {listed.size_bytes} bytes of {listed.sha256}",
                hint="the bundle was changed or damaged; copy it again",
            )
        return content

    def check_files(self) -> None:
        """Read every file once.

        Raises:
            BundleRefusedError: one is not what its hash says.
        """
        for file in self.listed:
            self.read(file.file)


def open_listing(path: Path, trust: Trust | None = None) -> Listing:
    """What the bundle at `path` says of itself; its files are not read yet.

    Args:
        path: a folder, archive, image or build directory.
        trust: who has to have signed it, checked first; None where nobody has to.

    Raises:
        BundleRefusedError: not signed as wanted, no bundle, or with a file that is missing or
            (in an archive) extra.
    """
    statement = check_trust(path, trust) if trust is not None else None
    files = bundle_files(path)
    content = _manifest(files, path, statement)
    listing = _listing(path, files, content, statement)
    names = [MANIFEST, SUMS, *(file.file for file in listing.listed)]
    if len(set(names)) < len(names):
        raise BundleRefusedError(f"{path}: {MANIFEST} lists a file twice")
    check_names(names, where=path)
    there = files.names()
    extra = sorted(set(there) - set(names)) if there is not None else []
    if extra:
        raise BundleRefusedError(
            f"{path}: files that {MANIFEST} does not list: {', '.join(extra)}",
            hint="somebody added to the bundle; do not use it",
        )
    if files.read(SUMS, limit=MAX_SUMS_BYTES) != sums(listing.manifest, listing.listed):
        raise _not_summed(path, "a file")
    if isinstance(files, ImageFiles):
        files.check_documents(
            ImageFacts(
                name=listing.name,
                version=listing.version,
                instruction_set=listing.instruction_set,
            )
        )
    return listing


def sums(manifest: bytes, listed: Iterable[BundleFile]) -> bytes:
    """The content of `SHA256SUMS`: the hashes of the manifest and of all that it lists."""
    hashes = {MANIFEST: hashlib.sha256(manifest).hexdigest()}
    hashes |= {file.file: file.sha256 for file in listed}
    return "".join(_sum(hashes[name], name) for name in sorted(hashes)).encode()


def _sum(sha256: str, name: str) -> str:
    return f"{sha256}  {name}\n"


def _manifest(files: Files, path: Path, statement: Statement | None) -> bytes:
    content = files.read(MANIFEST, limit=MAX_MANIFEST_BYTES)
    digest = hashlib.sha256(content).hexdigest()
    if _sum(digest, MANIFEST).encode() not in files.read(SUMS, limit=MAX_SUMS_BYTES):
        raise _not_summed(path, MANIFEST)
    if statement and digest != statement.manifest_sha256:
        raise BundleRefusedError(f"{path}: {MANIFEST} is not the one that was signed")
    return content


def _not_summed(path: Path, what: str) -> BundleRefusedError:
    return BundleRefusedError(
        f"{path}: {what} is not what {SUMS} says",
        hint="the bundle was changed or damaged; copy it again",
    )


def _listing(path: Path, files: Files, content: bytes, statement: Statement | None) -> Listing:
    where = f"{path}: {MANIFEST}"
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BundleRefusedError(f"{where}: not JSON: {error}") from error
    found = data.get("format") if isinstance(data, dict) else None
    if type(found) is not int or found < FIRST_FORMAT:
        raise BundleRefusedError(
            f"{where}: bundle format {FIRST_FORMAT} or newer was wanted, found {found!r}",
            hint="it is no bundle, or of an older ccnet-edge; build it again",
        )
    try:
        target = _field(data, "target", dict)
        listing = Listing(
            path=path,
            files=files,
            manifest=content,
            name=_field(data, "name", str),
            version=_field(data, "version", int),
            instruction_set=_field(target, "instruction_set", str),
            listed=tuple(
                serial.from_dict(BundleFile, entry, where="files")
                for entry in _field(data, "files", list)
            ),
            statement=statement,
        )
    except ConfigError as error:
        raise BundleRefusedError(f"{where} is not a bundle's manifest: {error}") from error
    check_name(listing.name, where=path)
    if listing.version < 0:
        raise BundleRefusedError(f"{where}: the version {listing.version} is none")
    _check_statement(listing, statement)
    return listing


def _check_statement(listing: Listing, statement: Statement | None) -> None:
    """The few things that a signature says of a bundle are also the bundle's own words."""
    if statement is None:
        return
    said = (statement.name, statement.version, statement.architecture)
    found = (listing.name, listing.version, listing.instruction_set)
    if said != found:
        raise BundleRefusedError(f"{listing.path}: the signature says {said}, {MANIFEST} {found}")


def _field(data: dict[str, Any], name: str, kind: type) -> Any:
    value = data.get(name)
    if type(value) is not kind:
        raise ConfigError(
            f"field {name!r}: {kind.__name__} was wanted, found {type(value).__name__}"
        )
    return value
