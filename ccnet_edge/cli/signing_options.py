"""Options about keys: which to sign with, which to trust."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ccnet_edge.cli.console import say
from ccnet_edge.cli.option_values import collected

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


@dataclass(frozen=True, kw_only=True)
class SignRequest:
    """Whether what is packed is signed, and with which key."""

    sign: Path | None
    passphrase_file: Path | None

    def check(self) -> None:
        """See that the key can be used, before the work that it will sign.

        Raises:
            UsageError: it cannot be read, or not with this passphrase.
        """
        from ccnet_edge.signing import check_private

        if self.sign is not None:
            check_private(self.sign, passphrase_of(self.passphrase_file))

    def apply(self, bundle: Path, *, fit: bool) -> None:
        """Sign `bundle` where it was asked for, and it is fit."""
        from ccnet_edge.signing import sign_bundle

        if self.sign is None:
            return
        if not fit:
            say(f"{bundle} is not signed: it is marked UNFIT")
            return
        passphrase = passphrase_of(self.passphrase_file)
        say(f"wrote {sign_bundle(bundle, self.sign, passphrase=passphrase).signature}")


def sign_options(command: F) -> F:
    """Give `command` the options of `SignRequest` as its keyword `signing`."""
    option = click.option("--sign", type=path_type, help="Sign it with this private key.")
    options = {"sign": option, "passphrase_file": passphrase_option}
    return collected(command, "signing", SignRequest, options)


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
