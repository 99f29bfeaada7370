"""Environments of tests: in a cache of their own, from lists without packages."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ccnet_edge.isolated import Child, Environment

PROGRAM = Path(__file__).with_name("program.py")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache folder, empty."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("CCNET_EDGE_CACHE", str(folder))
    return folder


@pytest.fixture
def empty(cache: Path) -> Environment:
    """An environment of the standard library alone, not made yet."""
    return Environment(name="empty", requirements="", modules=("json",))


@pytest.fixture
def start(cache: Path, tmp_path: Path) -> Callable[..., Child]:
    """Start `program.py`, which does as it is told, as a child."""
    interpreter = tmp_path / "python"
    # What `-m module` would be: the tests' folders are not on a child's path.
    interpreter.write_text(f'#!/bin/sh\nshift 2\nexec "{sys.executable}" "{PROGRAM}" "$@"\n')
    interpreter.chmod(0o700)

    def started(*words: str, **options: object) -> Child:
        return Child(interpreter, "program", *words, what="the program", **options)  # type: ignore[arg-type]

    return started
