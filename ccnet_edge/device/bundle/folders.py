"""Folders that are written whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from ccnet_edge.errors import UsageError
from ccnet_edge.spec import serial


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write aside, then swap: a kill leaves the old folder, the new one, or none."""
    aside = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    try:
        for name, content in files.items():
            serial.write_bytes(aside / name, content)
        if folder.exists():
            folder.replace(old)
        aside.replace(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def check_replaceable(folder: Path, marker: str) -> None:
    """Refuse to replace anything but a folder that holds the file `marker`, or an empty one.

    Raises:
        UsageError: it is a file, or holds something else.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: a folder for the bundle was wanted, found a file")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / marker).is_file():
        raise UsageError(
            f"{folder}: the folder holds files that are no bundle, they are not replaced",
            hint="give an empty or a new folder",
        )
