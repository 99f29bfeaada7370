"""The installer for devices without Python: a shell script that trusts one key."""

from __future__ import annotations

import re
from pathlib import Path

from ccnet_edge.device.bundle.signature import fingerprint, public_pem
from ccnet_edge.errors import UsageError

TEMPLATE = Path(__file__).with_name("install.sh")


def installer_script(key: bytes, *, root: str, disk_bytes: int | None, test: str) -> bytes:
    """The script's content: the same for the same choices.

    Args:
        key: the public key, 32 bytes.
        root: the folder on the device that it installs to.
        disk_bytes: what both slots may take there; None for no limit but the disk's.
        test: a command of the device that gets a bundle's folder and fails where it does not
            work; empty for the runtime's self-test, which needs Python and its packages.

    Raises:
        UsageError: a choice that cannot stand in a shell's quotes.
    """
    values = {
        "KEY": public_pem(key).decode().strip(),
        "TRUSTED": fingerprint(key),
        "ROOT": root,
        "DISK": "" if disk_bytes is None else str(disk_bytes),
        "TEST": test,
    }
    for name, value in values.items():
        if "'" in value or (name != "KEY" and "\n" in value):
            raise UsageError(f"{value!r}: quotes and line ends cannot stand in the script")
    text = TEMPLATE.read_text(encoding="utf-8")
    return re.sub("@([A-Z]+)@", lambda match: values[match[1]], text).encode()
