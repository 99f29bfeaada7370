"""Signing bundles, where the private key is: Ed25519 keys in PEM, and signatures beside bundles.

Nothing here needs a network. What checks signatures is `device.bundle.signature`, which needs no
library.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ccnet_edge.device.bundle.files import located
from ccnet_edge.device.bundle.read import open_bundle
from ccnet_edge.device.bundle.signature import Signed, Statement, fingerprint, public_pem
from ccnet_edge.device.bundle.trust import Trust, check_trust, signature_path, subject
from ccnet_edge.errors import UsageError
from ccnet_edge.spec import serial

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PUBLIC_SUFFIX = ".pub"
# What only the owner may read.
PRIVATE_MODE = 0o600
MAX_KEY_BYTES = 4096


@dataclass(frozen=True, kw_only=True)
class KeyPair:
    """Where a key pair was written, and the public key's fingerprint."""

    private: str
    public: str
    fingerprint: str


@dataclass(frozen=True, kw_only=True)
class SignedBundle:
    """A signature that was written: its path, who signed, and what it says of the bundle."""

    signature: str
    statement: Statement


def make_keys(private: Path, *, passphrase: bytes | None = None) -> KeyPair:
    """Write a new private key and, with `.pub` at the end of its name, the public one.

    Args:
        private: the file for the private key, in PEM (PKCS #8), mode 600 from the start.
        passphrase: encrypts the private key.

    Raises:
        UsageError: one of the files is there already, or cannot be written.
    """
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    encryption = form.BestAvailableEncryption(passphrase) if passphrase else form.NoEncryption()
    content = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, encryption)
    raw = key.public_key().public_bytes_raw()
    public = private.with_name(private.name + PUBLIC_SUFFIX)
    for path in (private, public):
        if path.exists() or path.is_symlink():
            raise UsageError(
                f"{path}: a key is there already, it is not replaced",
                hint="give another name; a lost private key cannot be made again",
            )
    _write_new(private, content, mode=PRIVATE_MODE)
    _write_new(public, public_pem(raw), mode=0o644)
    return KeyPair(private=str(private), public=str(public), fingerprint=fingerprint(raw))


def sign_bundle(
    bundle: Path, key: Path, *, passphrase: bytes | None = None, unfit: bool = False
) -> SignedBundle:
    """Check `bundle` whole and write its signature beside it.

    Args:
        bundle: an archive, image, folder, or build directory (for the folder in it).
        key: the private key's file.
        passphrase: of the private key, where it has one.
        unfit: sign it also where it missed a limit that it was built for.

    Raises:
        UsageError: the key cannot be read, or not with this passphrase; the bundle is unfit.
        BundleRefusedError: the bundle is not whole.
    """
    private = _read_private(key, passphrase)
    public = private.public_key().public_bytes_raw()
    opened = open_bundle(bundle)
    listing = opened.listing
    if not (opened.manifest.fit or unfit):
        names = ", ".join(gate.name for gate in opened.manifest.failed)
        raise UsageError(
            f"{bundle}: is marked UNFIT, it missed {names}: it is not signed",
            hint="--allow-unfit signs it all the same; a device's installer refuses it even then",
        )
    found = subject(located(bundle))
    statement = Statement(
        name=listing.name,
        version=listing.version,
        architecture=listing.instruction_set,
        manifest_sha256=listing.manifest_sha256,
        packed_as=found.packed_as,
        size_bytes=found.size_bytes,
        sha256=found.sha256,
        key=fingerprint(public),
    )
    signed = Signed(statement=statement, signature=private.sign(statement.message()))
    path = serial.write_bytes(signature_path(bundle), signed.text())
    check_trust(bundle, Trust(keys=(public,)))
    return SignedBundle(signature=str(path), statement=statement)


def check_private(key: Path, passphrase: bytes | None) -> None:
    """See that a private key can be used, before the work that it will sign.

    Raises:
        UsageError: it cannot be read, or not with this passphrase.
    """
    _read_private(key, passphrase)


def _read_private(path: Path, passphrase: bytes | None) -> Ed25519PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        with path.open("rb") as file:
            content = file.read(MAX_KEY_BYTES)
    except OSError as error:
        raise UsageError(f"{path}: the private key could not be read: {error}") from error
    wanted = f"{path}: an Ed25519 private key in PEM was wanted"
    try:
        key = load_pem_private_key(content, password=passphrase)
    except TypeError as error:
        raise UsageError(
            f"{path}: the private key "
            + ("has no passphrase, but one was given" if passphrase else "needs its passphrase"),
            hint="give it with --passphrase-file" if passphrase is None else "leave it away",
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(
            f"{wanted}, found another file, or the passphrase is wrong",
            hint="ccnet-edge keygen makes one; the file without .pub is the private key",
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"{wanted}, found another kind of key", hint="ccnet-edge keygen makes one")
    return key


def _write_new(path: Path, content: bytes, *, mode: int) -> None:
    """Write a file that was not there, never readable by more than `mode` says.

    NOTE: not aside and renamed: a rename would replace what somebody else put there meanwhile.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, flags, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UsageError(f"{path}: the key could not be written: {error.strerror}") from error
