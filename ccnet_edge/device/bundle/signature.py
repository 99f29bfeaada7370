"""A bundle's signature: a few lines of text beside it, checked before anything in it is read.

    ccnet-edge bundle signature v1
    name drive-jetson-orin-nano
    version 7
    architecture aarch64
    manifest SHA-256 of manifest.json
    packed zip 852123 SHA-256 of the archive
    key fingerprint
    signature Ed25519 over all lines above, with their line ends, in base64

The first line separates these messages from all others that the key may sign. A folder's `packed`
line is of its manifest, an image's of its index, which hash everything else.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from ccnet_edge.device.bundle.ed25519 import PUBLIC_BYTES, SIGNATURE_BYTES, verify
from ccnet_edge.errors import BundleRefusedError, UsageError
from ccnet_edge.spec.bundle import PackedAs

SUFFIX = ".sig"
HEAD = "ccnet-edge bundle signature v1"
MAX_BYTES = 2048
# A public key as PEM holds this before its 32 bytes (RFC 8410).
PREFIX = bytes.fromhex("302a300506032b6570032100")
# Half a SHA-256: finding another key of the same takes 2¹²⁸ tries.
FINGERPRINT_DIGITS = 32
TEXT = re.compile(
    rf"{HEAD}\n"
    r"name (?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]{0,199})\n"
    r"version (?P<version>0|[1-9][0-9]{0,17})\n"
    r"architecture (?P<architecture>[a-z0-9_]{1,40})\n"
    r"manifest (?P<manifest>[0-9a-f]{64})\n"
    rf"packed (?P<packed>{'|'.join(get_args(PackedAs))}) "
    r"(?P<size>0|[1-9][0-9]{0,17}) (?P<sha256>[0-9a-f]{64})\n"
    rf"key (?P<key>[0-9a-f]{{{FINGERPRINT_DIGITS}}})\n"
    r"signature (?P<signature>[A-Za-z0-9+/]{86}==)\n"
)


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What a signature says of a bundle; see the module for the words."""

    name: str
    version: int
    architecture: str
    manifest_sha256: str
    packed_as: PackedAs
    size_bytes: int
    sha256: str
    key: str

    def message(self) -> bytes:
        """The bytes that are signed."""
        return (
            f"{HEAD}\nname {self.name}\nversion {self.version}\n"
            f"architecture {self.architecture}\nmanifest {self.manifest_sha256}\n"
            f"packed {self.packed_as} {self.size_bytes} {self.sha256}\nkey {self.key}\n"
        ).encode()


@dataclass(frozen=True, kw_only=True)
class Signed:
    """A statement with its signature, 64 bytes."""

    statement: Statement
    signature: bytes

    def text(self) -> bytes:
        """The signature file's content."""
        encoded = base64.b64encode(self.signature)
        return self.statement.message() + b"signature " + encoded + b"\n"


def read_signature(path: Path) -> Signed:
    """What the signature file at `path` says; nothing of it is true before it is checked.

    Raises:
        BundleRefusedError: missing, or not such a file.
    """
    if not path.is_file():
        raise BundleRefusedError(
            f"{path}: a signature was wanted, found none",
            hint="ccnet-edge sign BUNDLE --key makes one where the private key is",
        )
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    found = TEXT.fullmatch(content.decode("ascii", "replace"))
    signature = base64.b64decode(found["signature"]) if found else b""
    if found is None or base64.b64encode(signature) != found["signature"].encode():
        raise BundleRefusedError(f"{path}: is not a bundle's signature, or is damaged")
    assert len(signature) == SIGNATURE_BYTES
    kinds = {kind: kind for kind in get_args(PackedAs)}
    statement = Statement(
        name=found["name"],
        version=int(found["version"]),
        architecture=found["architecture"],
        manifest_sha256=found["manifest"],
        packed_as=kinds[found["packed"]],
        size_bytes=int(found["size"]),
        sha256=found["sha256"],
        key=found["key"],
    )
    return Signed(statement=statement, signature=signature)


def check_signature(path: Path, keys: tuple[bytes, ...]) -> Statement:
    """The statement in the signature file at `path`, made by one of `keys`.

    Raises:
        BundleRefusedError: by none of them, or changed since.
    """
    signed = read_signature(path)
    by_name = {fingerprint(key): key for key in keys}
    key = by_name.get(signed.statement.key)
    if key is None:
        raise BundleRefusedError(
            f"{path}: a signature of the key {' or '.join(sorted(by_name))} was wanted, found one "
            f"that names {signed.statement.key}",
            hint="it is somebody else's bundle, or the key was replaced: ask who signs it",
        )
    if not verify(key, signed.statement.message(), signed.signature):
        raise BundleRefusedError(
            f"{path}: the signature is not the key's that it names ({signed.statement.key})",
            hint="it was forged or damaged; do not use the bundle",
        )
    return signed.statement


def fingerprint(public: bytes) -> str:
    """A public key's short name: the first half of its SHA-256, in hexadecimal."""
    return hashlib.sha256(public).hexdigest()[:FINGERPRINT_DIGITS]


def public_pem(public: bytes) -> bytes:
    """A public key of 32 bytes as PEM (SubjectPublicKeyInfo)."""
    encoded = base64.b64encode(PREFIX + public)
    return b"-----BEGIN PUBLIC KEY-----\n" + encoded + b"\n-----END PUBLIC KEY-----\n"


def read_keys(path: Path) -> tuple[bytes, ...]:
    """The public keys, 32 bytes each, in a PEM file or in a folder's `*.pub` files.

    Raises:
        UsageError: none there, or a file that is no Ed25519 public key.
    """
    files = sorted(path.glob("*.pub")) if path.is_dir() else [path]
    if not files:
        raise UsageError(f"{path}: public keys were wanted, found no file that ends in .pub")
    return tuple(_read_key(file) for file in files)


def _read_key(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES)
    except OSError as error:
        raise UsageError(f"{path}: the public key could not be read: {error}") from error
    encoded = b"".join(line for line in content.splitlines() if not line.startswith(b"-----"))
    try:
        der = base64.b64decode(encoded, validate=True)
    except ValueError:
        der = b""
    if not der.startswith(PREFIX) or len(der) != len(PREFIX) + PUBLIC_BYTES:
        raise UsageError(
            f"{path}: an Ed25519 public key in PEM was wanted, found something else",
            hint="keygen writes one that ends in .pub beside the private key"
            if b"PRIVATE" in content
            else "ccnet-edge keygen makes one",
        )
    return der[len(PREFIX) :]
