"""Opening a bundle: every file is what the manifest says, or the bundle is refused."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from ccnet_edge.device.bundle.files import ArchiveFiles, Files, bundle_files, check_name
from ccnet_edge.errors import BundleRefusedError, ConfigError
from ccnet_edge.spec import serial
from ccnet_edge.spec.bundle import BUNDLE_FORMAT, MANIFEST, BundleFile, Manifest

MAX_MANIFEST_BYTES = 4 * 2**20
# Of one file. The largest network of the papers has 124 MB of weights.
MAX_FILE_BYTES = 2**30


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A bundle whose files were all checked; what is read later is checked again."""

    path: Path
    manifest: Manifest
    files: Files

    def read(self, name: str) -> bytes:
        """The content of a listed file.

        Raises:
            BundleRefusedError: it is not listed, or not what its hash says (any more).
        """
        listed = next((file for file in self.manifest.files if file.file == name), None)
        if listed is None:
            raise BundleRefusedError(f"{self.path}: the manifest lists no file {name!r}")
        return _checked_content(self.files, listed, self.path)

    def model(self) -> bytes:
        """The model's content: the very bytes that were hashed, so none that came later."""
        return self.read(self.manifest.artifact.file)


def open_bundle(path: Path) -> Bundle:
    """The bundle in a folder or archive, checked whole.

    Raises:
        BundleRefusedError: no bundle, of another format, or with a file that is missing,
            extra (in an archive), hostile, or not what its hash says.
    """
    files = bundle_files(path)
    manifest = _manifest(files, path)
    _check_listing(manifest, files, path)
    for listed in manifest.files:
        _checked_content(files, listed, path)
    return Bundle(path=path, manifest=manifest, files=files)


def is_archive(bundle: Bundle) -> bool:
    """The bundle is one file."""
    return isinstance(bundle.files, ArchiveFiles)


def _manifest(files: Files, path: Path) -> Manifest:
    where = f"{path}: {MANIFEST}"
    content = files.read(MANIFEST, limit=MAX_MANIFEST_BYTES)
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BundleRefusedError(f"{where}: not JSON: {error}") from error
    found = data.get("format") if isinstance(data, dict) else None
    if found != BUNDLE_FORMAT:
        raise BundleRefusedError(
            f"{where}: bundle format {BUNDLE_FORMAT} was wanted, found {found!r}",
            hint="it is no bundle, or of another version of ccnet-edge; build it again",
        )
    try:
        return serial.from_dict(Manifest, data, where=where)
    except (ConfigError, RecursionError) as error:
        raise BundleRefusedError(f"{where} is not a bundle's manifest: {error}") from error


def _check_listing(manifest: Manifest, files: Files, path: Path) -> None:
    """The listed files are there once, the archive has no other, and the parts are listed."""
    listed = [file.file for file in manifest.files]
    for name in listed:
        check_name(name, where=path)
    if len(set(listed)) < len(listed):
        raise BundleRefusedError(f"{path}: {MANIFEST} lists a file twice")
    there = files.names()
    extra = sorted(set(there) - {*listed, MANIFEST}) if there is not None else []
    if extra:
        raise BundleRefusedError(
            f"{path}: files that {MANIFEST} does not list: {', '.join(extra)}",
            hint="somebody added to the bundle; do not use it",
        )
    golden = manifest.golden
    for part in (manifest.artifact.file, golden.image, golden.labels, golden.logits):
        if part not in listed:
            raise BundleRefusedError(f"{path}: {MANIFEST} names {part!r}, but lists no such file")
    artifact = manifest.artifact
    model = next(file for file in manifest.files if file.file == artifact.file)
    if (model.size_bytes, model.sha256) != (artifact.size_bytes, artifact.sha256):
        raise BundleRefusedError(f"{path}: {MANIFEST} says two things of {artifact.file}")


def _checked_content(files: Files, listed: BundleFile, path: Path) -> bytes:
    content = files.read(listed.file, limit=min(listed.size_bytes, MAX_FILE_BYTES))
    found = hashlib.sha256(content).hexdigest()
    if len(content) != listed.size_bytes or found != listed.sha256:
        raise BundleRefusedError(
            f"{path}: {listed.file} has {len(content)} bytes of SHA-256 {found}, the manifest "
            f"says {listed.size_bytes} bytes of {listed.sha256}",
            hint="the bundle was changed or damaged; copy it again",
        )
    return content
