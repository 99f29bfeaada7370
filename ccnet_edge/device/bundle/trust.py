"""Who has to have signed a bundle, and that they did, before anything in it is parsed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ccnet_edge.device.bundle.files import MAX_DOCUMENT_BYTES, FolderFiles, located, packed_as
from ccnet_edge.device.bundle.oci import INDEX
from ccnet_edge.device.bundle.signature import SUFFIX, Statement, check_signature
from ccnet_edge.errors import BundleRefusedError
from ccnet_edge.spec import serial
from ccnet_edge.spec.bundle import MANIFEST, PackedAs

MAX_MANIFEST_BYTES = 4 * 2**20


@dataclass(frozen=True, kw_only=True)
class Trust:
    """The public keys of which one has to have signed, and where the signature is.

    `signature` is None for the file beside the bundle, its name with `.sig` at the end.
    """

    keys: tuple[bytes, ...]
    signature: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a signature is over: the archive, or the document that hashes everything else."""

    packed_as: PackedAs
    size_bytes: int
    sha256: str


def signature_path(path: Path) -> Path:
    """Where the signature of the bundle at `path` is kept: beside it."""
    path = located(path)
    return path.with_name(path.name + SUFFIX)


def check_trust(path: Path, trust: Trust) -> Statement:
    """What a trusted key says of the bundle at `path`, of which only bytes were hashed.

    An unpacked bundle may be checked against its archive's signature, which has the manifest's
    hash.

    Raises:
        BundleRefusedError: no signature, none of a trusted key, or not of these bytes.
    """
    path = located(path)
    signature = trust.signature or signature_path(path)
    statement = check_signature(signature, trust.keys)
    found = subject(path)
    if found.packed_as == "dir":
        if found.sha256 != statement.manifest_sha256:
            raise _another(path, f"its manifest has the SHA-256 {found.sha256}", signature)
        return statement
    if (found.size_bytes, found.sha256) != (statement.size_bytes, statement.sha256):
        raise _another(path, f"{found.size_bytes} bytes of SHA-256 {found.sha256}", signature)
    return statement


def subject(path: Path) -> Subject:
    """What a signature of the bundle at `path` is over.

    Raises:
        BundleRefusedError: nothing is there.
    """
    kind = packed_as(path)
    if kind in ("zip", "tar"):
        return Subject(
            packed_as=kind, size_bytes=path.stat().st_size, sha256=serial.file_sha256(path)
        )
    name, limit = (MANIFEST, MAX_MANIFEST_BYTES) if kind == "dir" else (INDEX, MAX_DOCUMENT_BYTES)
    content = FolderFiles(path).read(name, limit=limit)
    sha256 = hashlib.sha256(content).hexdigest()
    return Subject(packed_as=kind, size_bytes=len(content), sha256=sha256)


def _another(path: Path, found: str, signature: Path) -> BundleRefusedError:
    return BundleRefusedError(
        f"{path}: the bundle that {signature} is of was wanted, found another: {found}",
        hint="it was changed or damaged, or the signature is of another bundle",
    )
