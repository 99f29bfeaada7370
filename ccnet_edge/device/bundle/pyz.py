"""The device wing as one file, a .pyz that runs wherever its packages are, and the installer's."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import ccnet_edge
from ccnet_edge.device.bundle.zips import zip_bytes

# What travels: everything else of the package stays on the build machine.
PARTS = ("__init__.py", "errors.py", "units.py", "spec", "isolated", "device")
# What the installer is made of: the part that reads and checks bundles, standard library alone.
INSTALLER_PARTS = (
    "__init__.py",
    "errors.py",
    "units.py",
    "spec",
    "device/__init__.py",
    "device/gates.py",
    "device/install",
    *(
        f"device/bundle/{name}.py"
        for name in (
            "__init__", "ed25519", "files", "listing", "names", "oci", "read", "signature", "tars",
            "trust", "zips",
        )
    ),
)  # fmt: skip
SHEBANG = b"#!/usr/bin/env python3\n"
# Runs before anything is imported, so that an old Python gets a sentence and no traceback.
CHECK = """\
import sys

if sys.version_info < (3, 10):
    sys.exit("error: this needs Python 3.10 or newer, found " + sys.version.split()[0])

"""
START = f"""\
{CHECK}from ccnet_edge.device.__main__ import main

main()
""".encode()


def build_pyz() -> bytes:
    """The runtime's .pyz: the same for the same sources."""
    return _pyz(wing_sources(), START)


def installer_pyz(
    keys: Iterable[bytes], *, root: str, disk_bytes: int | None, python: str | None
) -> bytes:
    """The installer's .pyz, which trusts `keys`: the same for the same sources and choices.

    Args:
        keys: public keys, 32 bytes each.
        root: the folder on the device that it installs to.
        disk_bytes: what both slots may take there; None for no limit but the disk's.
        python: the interpreter on the device that has the runtime's packages; None for the one
            that runs the installer.
    """
    trusted = "".join(f'bytes.fromhex("{key.hex()}"), ' for key in keys)
    pinned = f"keys=({trusted}), root={root!r}, disk_bytes={disk_bytes!r}, python={python!r}"
    start = (
        f"{CHECK}from ccnet_edge.device.install.__main__ import Pinned, main\n\n"
        f"main(Pinned({pinned}))\n"
    )
    return _pyz(_read(INSTALLER_PARTS), start.encode())


def wing_sources() -> dict[str, bytes]:
    """The sources that run on the device: path inside the package → content."""
    return _read(PARTS)


def _pyz(sources: dict[str, bytes], start: bytes) -> bytes:
    members = {f"ccnet_edge/{name}": content for name, content in sources.items()}
    return SHEBANG + zip_bytes({**members, "__main__.py": start})


def _read(parts: Iterable[str]) -> dict[str, bytes]:
    root = Path(ccnet_edge.__file__).parent
    paths = [path for part in parts for path in _sources(root / part)]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def _sources(part: Path) -> list[Path]:
    return [part] if part.suffix == ".py" else sorted(part.rglob("*.py"))
