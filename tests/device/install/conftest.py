"""Signed versions of a bundle, a place to install them, and a power cut at any step."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ccnet_edge.device.bundle import Trust
from ccnet_edge.device.bundle.pack import write_archive
from ccnet_edge.device.bundle.signature import read_keys
from ccnet_edge.device.bundle.write import BundleParts, write_bundle
from ccnet_edge.device.install.install import Judge, Outcome, Policy, install
from ccnet_edge.device.install.root import Root
from ccnet_edge.signing import KeyPair, make_keys, sign_bundle

Versions = Callable[..., Path]


@pytest.fixture
def keys(tmp_path: Path) -> KeyPair:
    """The key pair of whoever makes bundles."""
    return make_keys(tmp_path / "key.pem")


@pytest.fixture
def trust(keys: KeyPair) -> Trust:
    """What is pinned on the device."""
    return Trust(keys=read_keys(Path(keys.public)))


@pytest.fixture
def version(parts: BundleParts, keys: KeyPair, tmp_path: Path) -> Versions:
    """Makes a signed archive of a version; further words replace parts of the bundle."""

    def make(number: int, **other: Any) -> Path:
        archive = tmp_path / f"{other.get('name', 'v')}{number}.zip"
        write_bundle(replace(parts, version=number, **other), tmp_path / "made")
        write_archive(tmp_path / "made", archive)
        sign_bundle(archive, Path(keys.private))
        return archive

    return make


@pytest.fixture
def root(trust: Trust, tmp_path: Path) -> Root:
    """Where nothing is installed yet."""
    return Root(tmp_path / "root", trust)


def nothing(_: Path) -> None:
    """A test or health check that everything passes."""


@dataclass
class Device:
    """A device: installs with everything allowed but what a test asks about."""

    root: Root
    trust: Trust
    policy: Policy = Policy()  # noqa: RUF009 - frozen

    def install(self, bundle: Path, *, test: Judge = nothing, **words: Any) -> Outcome:
        return install(self.root, bundle, self.trust, policy=self.policy, test=test, **words)

    def running(self) -> int:
        """The version that runs, which is whole."""
        active = self.root.active()
        assert active is not None
        return self.root.open(active).version


@pytest.fixture
def device(root: Root, trust: Trust) -> Device:
    """A device where nothing is installed yet."""
    return Device(root, trust)


class PowerCut(BaseException):
    """Nothing runs after it: no handler of ours catches it."""


class Steps:
    """Counts operations on files, and cuts the power before, within or after one of them."""

    def __init__(self) -> None:
        self.count = 0
        self.cut_at: int | None = None
        self.dead = False

    def before(self) -> None:
        if self.dead:
            raise PowerCut
        self.count += 1
        if self.count == self.cut_at:
            self.dead = True
            raise PowerCut


OPERATIONS = ("fsync", "mkdir", "replace", "rename", "rmdir", "symlink", "unlink", "open")


@contextmanager
def counted_steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[Steps]:
    """Every operation that changes the disk is a step; a step can be the last."""
    steps = Steps()

    def stepping(original: Callable[..., Any]) -> Callable[..., Any]:
        def operation(*words: Any, **more: Any) -> Any:
            steps.before()
            return original(*words, **more)

        return operation

    with monkeypatch.context() as patch:
        for name in OPERATIONS:
            patch.setattr(os, name, stepping(getattr(os, name)))
        # A tree is removed through file descriptors in C; step by step it is slower and the same.
        patch.setattr(shutil, "_use_fd_functions", False)
        yield steps
