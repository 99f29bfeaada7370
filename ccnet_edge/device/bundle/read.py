"""Opening a bundle: every file is what the manifest says, or the bundle is refused."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ccnet_edge.device.bundle.files import FolderFiles
from ccnet_edge.device.bundle.listing import Listing, open_listing
from ccnet_edge.device.bundle.trust import Trust
from ccnet_edge.errors import BundleRefusedError, ConfigError
from ccnet_edge.spec import serial
from ccnet_edge.spec.bundle import BUNDLE_FORMAT, MANIFEST, Manifest


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A bundle whose files were all checked; what is read later is checked again."""

    path: Path
    manifest: Manifest
    listing: Listing

    @property
    def signed_by(self) -> str | None:
        """The fingerprint of the trusted key that signed it; None where none was demanded."""
        return self.listing.statement.key if self.listing.statement else None

    def read(self, name: str) -> bytes:
        """The content of a listed file.

        Raises:
            BundleRefusedError: it is not listed, or not what its hash says (any more).
        """
        return self.listing.read(name)

    def model(self) -> bytes:
        """The model's content: the very bytes that were hashed, so none that came later."""
        return self.read(self.manifest.artifact.file)


def open_bundle(path: Path, trust: Trust | None = None) -> Bundle:
    """The bundle in a folder, archive or image, checked whole.

    Args:
        path: the bundle, or a build directory that has one.
        trust: who has to have signed it; the signature is checked before anything is parsed.

    Raises:
        BundleRefusedError: no bundle, not signed as wanted, of another format, or with a file
            that is missing, extra (in an archive), hostile, or not what its hash says.
    """
    listing = open_listing(path, trust)
    manifest = _manifest(listing)
    _check_parts(manifest, path)
    listing.check_files()
    return Bundle(path=path, manifest=manifest, listing=listing)


def is_archive(bundle: Bundle) -> bool:
    """The bundle is packed."""
    return not isinstance(bundle.listing.files, FolderFiles)


def _manifest(listing: Listing) -> Manifest:
    where = f"{listing.path}: {MANIFEST}"
    data = json.loads(listing.manifest)
    if data["format"] != BUNDLE_FORMAT:
        raise BundleRefusedError(
            f"{where}: bundle format {BUNDLE_FORMAT} was wanted, found {data['format']}",
            hint="it is of another version of ccnet-edge; use the runtime that is in it",
        )
    try:
        return serial.from_dict(Manifest, data, where=where)
    except (ConfigError, RecursionError) as error:
        raise BundleRefusedError(f"{where} is not a bundle's manifest: {error}") from error


def _check_parts(manifest: Manifest, path: Path) -> None:
    """Everything that the manifest speaks of is listed."""
    golden = manifest.golden
    listed = {file.file: file for file in manifest.files}
    for part in (manifest.artifact.file, golden.image, golden.labels, golden.logits):
        if part not in listed:
            raise BundleRefusedError(f"{path}: {MANIFEST} names {part!r}, but lists no such file")
    artifact = manifest.artifact
    model = listed[artifact.file]
    if (model.size_bytes, model.sha256) != (artifact.size_bytes, artifact.sha256):
        raise BundleRefusedError(f"{path}: {MANIFEST} says two things of {artifact.file}")
