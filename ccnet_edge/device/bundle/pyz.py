"""The device wing as one file: a .pyz that runs wherever numpy, Pillow and onnxruntime are."""

from __future__ import annotations

from pathlib import Path

import ccnet_edge
from ccnet_edge.device.bundle.zips import zip_bytes

# What travels: everything else of the package stays on the build machine.
PARTS = ("__init__.py", "errors.py", "units.py", "spec", "device")
SHEBANG = b"#!/usr/bin/env python3\n"
# Runs before anything is imported, so that an old Python gets a sentence and no traceback.
START = b"""\
import sys

if sys.version_info < (3, 10):
    sys.exit("error: this needs Python 3.10 or newer, found " + sys.version.split()[0])

from ccnet_edge.device.__main__ import main

main()
"""


def build_pyz() -> bytes:
    """The .pyz's content: the same for the same sources."""
    members = {f"ccnet_edge/{name}": content for name, content in wing_sources().items()}
    return SHEBANG + zip_bytes({**members, "__main__.py": START})


def wing_sources() -> dict[str, bytes]:
    """The sources that run on the device: path inside the package → content."""
    root = Path(ccnet_edge.__file__).parent
    paths = [path for part in PARTS for path in _sources(root / part)]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def _sources(part: Path) -> list[Path]:
    return [part] if part.suffix == ".py" else sorted(part.rglob("*.py"))
