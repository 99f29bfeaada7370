"""File operations that are on the disk when they return, or have not happened.

A power cut may keep any subset of what was not flushed, so files are flushed before the rename
that shows them, and folders after it. Nothing here cleans up on the way out: what a kill leaves
is removed at the next start, by `Root.sweep`.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

FILE_MODE = 0o644


def write_file(path: Path, content: bytes) -> None:
    """Write a file that is not there yet."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    descriptor = os.open(path, flags, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def make_folder(path: Path) -> None:
    """Make a folder and those above it, where they are missing."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir()
    flush_folder(path.parent)


def flush_folder(path: Path) -> None:
    """Flush a folder's names, so that renames and new files in it last."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def rename(old: Path, new: Path) -> None:
    """Rename within one folder; a file or link at `new` is replaced in the same step."""
    old.replace(new)
    flush_folder(new.parent)


def point(link: Path, target: str) -> None:
    """Make `link` a symbolic link to `target`, in one step: it is the old one or the new one."""
    aside = link.with_name(f".{link.name}.part")
    aside.unlink(missing_ok=True)
    aside.symlink_to(target)
    rename(aside, link)


def remove(path: Path) -> None:
    """Remove a folder and all in it, or a file; nothing where nothing is."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    flush_folder(path.parent)
