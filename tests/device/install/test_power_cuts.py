"""The power goes at any step: what runs afterwards is whole, and the next try completes."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ccnet_edge.device.bundle import Trust
from ccnet_edge.device.bundle.pyz import installer_pyz
from ccnet_edge.device.install.install import check, rollback
from ccnet_edge.device.install.root import Root
from tests.device.install.conftest import (
    Device,
    PowerCut,
    Steps,
    Versions,
    counted_steps,
    nothing,
)

Act = Callable[[Device], object]


def cut_everywhere(
    device: Device, act: Act, monkeypatch: pytest.MonkeyPatch, *, allowed: set[int], every: int
) -> int:
    """Do `act` again and again, from the same state, with the power cut one step later each time.

    After each cut one of the `allowed` versions runs whole, also after the check on start, and
    `act` then completes. Returns how many steps were cut.
    """
    start = device.root.folder.with_name("start")
    shutil.copytree(device.root.folder, start, symlinks=True)
    cut = 0
    for at in range(1, 10_000, every):
        shutil.rmtree(device.root.folder)
        shutil.copytree(start, device.root.folder, symlinks=True)
        with counted_steps(monkeypatch) as steps:
            steps.cut_at = at
            try:
                act(device)
            except PowerCut:
                cut += 1
            else:
                break
        assert device.running() in allowed, f"after a cut at step {at}"
        check(device.root, test=nothing)
        assert device.running() in allowed, f"after a cut at step {at} and a start"
        act(device)
        assert sorted(p.name for p in (device.root.folder / "slots").iterdir()) == ["a", "b"]
    return cut


@pytest.mark.parametrize("every", [17, pytest.param(1, marks=pytest.mark.slow)])
def test_an_installation_can_be_cut_at_every_step(
    every: int, device: Device, version: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.install(version(1))
    device.install(version(2))
    third = version(3)
    cut = cut_everywhere(
        device, lambda d: d.install(third), monkeypatch, allowed={2, 3}, every=every
    )
    assert cut * every > 50
    assert device.running() == 3


@pytest.mark.slow
def test_an_installation_with_a_health_check_can_be_cut_at_every_step(
    device: Device, version: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.install(version(1))
    device.install(version(2))
    third = version(3)

    def act(there: Device) -> object:
        return there.install(third, health=nothing)

    cut_everywhere(device, act, monkeypatch, allowed={2, 3}, every=1)
    assert device.running() == 3


def test_a_rollback_can_be_cut_at_every_step(
    device: Device, version: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.install(version(1))
    device.install(version(2))

    def act(there: Device) -> object:
        # Cut after the switch, the second try would go forward again.
        return rollback(there.root, test=nothing) if there.running() == 2 else None

    assert cut_everywhere(device, act, monkeypatch, allowed={1, 2}, every=1) >= 3


def test_the_steps_are_seen(device: Device, version: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """The cuts mean something: there are as many flushes as there are files and folders."""
    archive = version(1)
    flushed: list[int] = []
    original = os.fsync
    with counted_steps(monkeypatch) as steps:
        assert isinstance(steps, Steps)
        device.install(archive)
    assert steps.count > 40

    def flushing(descriptor: int) -> None:
        flushed.append(descriptor)
        original(descriptor)

    monkeypatch.setattr(os, "fsync", flushing)
    device.install(version(2))
    assert len(flushed) >= 9 + 2  # files, folders


class Killed:
    """The installer as a program of its own, which is killed while it works."""

    def __init__(self, pyz: Path, root: Path, python: str) -> None:
        self.pyz, self.root, self.python = pyz, root, python

    def command(self, *words: object) -> list[str]:
        return [sys.executable, "-I", "-S", str(self.pyz), *map(str, words), "--root",
                str(self.root)]  # fmt: skip

    def run(self, *words: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(*words), capture_output=True, text=True, check=False)

    def install(self, archive: Path) -> subprocess.CompletedProcess[str]:
        return self.run("install", archive, "--python", self.python)

    def kill_after(self, seconds: float, archive: Path) -> bool:
        """Start an installation and kill it and all of its children; whether it was in time."""
        command = self.command("install", archive, "--python", self.python)
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        time.sleep(seconds)
        ended = process.poll() is not None
        os.killpg(process.pid, signal.SIGKILL) if not ended else None
        process.wait()
        return not ended


@pytest.fixture
def killed(trust: Trust, tmp_path: Path) -> Killed:
    pyz = tmp_path / "ccnet-install.pyz"
    pyz.write_bytes(
        installer_pyz(trust.keys, root=str(tmp_path / "root"), disk_bytes=None, python=None)
    )
    return Killed(pyz, tmp_path / "root", sys.executable)


def kill_often(killed: Killed, version: Versions, trust: Trust, *, times: int, seed: int) -> None:
    """Kill installations of ever newer versions at random moments, `times` of them in time.

    After each, the version that ran or the new one runs, whole, by the installer's own word and
    by ours; its runtime answers; and the installation then completes.
    """
    first = killed.install(version(1))
    assert first.returncode == 0, first.stderr
    begin = time.monotonic()
    assert killed.install(version(2)).returncode == 0
    took = time.monotonic() - begin
    chance = random.Random(seed)
    in_time, number = 0, 2
    while in_time < times:
        number += 1
        archive = version(number)
        if killed.kill_after(chance.uniform(0, took), archive):
            in_time += 1
        else:
            took *= 0.9
        root = Root(killed.root, trust)
        active = root.active()
        assert active is not None
        assert root.open(active).version in (number - 1, number)
        shown = json.loads(killed.run("status", "--json").stdout)
        assert [slot["problem"] for slot in shown["slots"] if slot["active"]] == [None]
        done = killed.install(archive)
        assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_killed_installer_leaves_a_whole_version(
    killed: Killed, version: Versions, trust: Trust
) -> None:
    kill_often(killed, version, trust, times=1, seed=1)


@pytest.mark.slow
def test_a_hundred_kills_are_survived(killed: Killed, version: Versions, trust: Trust) -> None:
    kill_often(killed, version, trust, times=100, seed=2)
