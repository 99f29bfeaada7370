"""Options about keys: which to sign with, which to trust."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ccnet_edge.device.bundle import Trust

F = TypeVar("F", bound=Callable[..., Any])

PASSPHRASE = "CCNET_PASSPHRASE"  # noqa: S105 - the variable's name
path_type = click.Path(path_type=Path)
passphrase_option = click.option(
    "--passphrase-file",
    type=path_type,
    help=f"A file whose first line is the private key's passphrase; or the variable {PASSPHRASE}.",
)


def sign_options(command: F) -> F:
    """Give `command` `--sign` and `--passphrase-file`."""
    option = click.option("--sign", type=path_type, help="Sign it with this private key.")
    signing: F = option(passphrase_option(command))
    return signing


def sign_with(key: Path, passphrase_file: Path | None, bundle: Path) -> str:
    """Sign `bundle`; the path of the signature."""
    from ccnet_edge.signing import sign_bundle

    return sign_bundle(bundle, key, passphrase=passphrase_of(passphrase_file)).signature


def trust_options(command: F) -> F:
    """Give `command` `--key` and `--signature`; `trust_of` makes one thing of them."""
    key = click.option(
        "--key",
        type=path_type,
        help="Demand a signature of this public key, or of any .pub in this folder.",
    )
    signature = click.option(
        "--signature", type=path_type, help="Where it is.  [default: BUNDLE with .sig at its end]"
    )
    trusting: F = key(signature(command))
    return trusting


def trust_of(key: Path | None, signature: Path | None) -> Trust | None:
    """Who has to have signed; None where nobody has to.

    Raises:
        UsageError: a signature without a key to check it with, or no key where one should be.
    """
    from ccnet_edge.device.bundle import Trust
    from ccnet_edge.device.bundle.signature import read_keys
    from ccnet_edge.errors import UsageError

    if key is not None:
        return Trust(keys=read_keys(key), signature=signature)
    if signature is not None:
        raise UsageError("--signature needs --key: the public key that it is checked with")
    return None


def passphrase_of(file: Path | None) -> bytes | None:
    """The passphrase in a file's first line, or in the environment; None where there is none.

    Raises:
        UsageError: the file cannot be read, or is empty.
    """
    import os

    from ccnet_edge.errors import UsageError

    if file is None:
        return os.environb.get(PASSPHRASE.encode()) or None
    try:
        line = file.read_bytes().partition(b"\n")[0].rstrip(b"\r")
    except OSError as error:
        raise UsageError(f"{file}: the passphrase could not be read: {error.strerror}") from error
    if not line:
        raise UsageError(f"{file}: a passphrase was wanted in the first line, found none")
    return line
