"""Laws of the installer for devices without Python, run by the shell that Debian has."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ccnet_edge.device.bundle import Trust
from ccnet_edge.device.bundle.pack import write_archive
from ccnet_edge.device.bundle.write import BundleParts, write_bundle
from ccnet_edge.device.install.root import Root
from ccnet_edge.device.install.writing import write_installer
from ccnet_edge.errors import UsageError
from ccnet_edge.signing import KeyPair, sign_bundle
from tests.device.install.conftest import Versions

NEEDED = ("sh", "openssl", "tar", "sha256sum", "flock", "mkfifo")


class Device:
    """A device with a shell."""

    def __init__(self, script: Path, root: Root) -> None:
        self.script, self.root = script, root

    def __call__(self, *words: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", str(self.script), *map(str, words)], capture_output=True, text=True, check=False
        )

    def running(self) -> int:
        active = self.root.active()
        assert active is not None
        return self.root.open(active).version


@pytest.fixture
def tars(version: Versions, keys: KeyPair, tmp_path: Path) -> Versions:
    """Makes a signed tar of a version."""

    def make(number: int, **other: object) -> Path:
        out = tmp_path / f"v{number}.tar"
        write_archive(version(number, **other), out, packed_as="tar")
        sign_bundle(out, Path(keys.private))
        return out

    return make


@pytest.fixture
def device(trust: Trust, tmp_path: Path) -> Device:
    for tool in NEEDED:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    script = write_installer(
        tmp_path / "install.sh",
        trust.keys,
        root=str(tmp_path / "root"),
        disk_bytes=None,
        shell=True,
        test="test -d",
    )
    return Device(script, Root(tmp_path / "root", trust))


def test_versions_are_installed_shown_and_gone_back_from(device: Device, tars: Versions) -> None:
    done = device("install", tars(1))
    assert (done.stdout, done.stderr) == ("installed: cells-local version 1 in slot a\n", "")
    assert device("install", tars(2)).stdout == "installed: cells-local version 2 in slot b\n"
    assert device.running() == 2
    shown = device("status")
    assert shown.returncode == 0
    assert "slot b    runs  cells-local version 2" in shown.stdout
    assert device("install", tars(2)).stdout.startswith("already installed")
    assert device("rollback").stdout == "went back: cells-local version 1 in slot a\n"
    assert device.running() == 1
    # The other installer reads the same slots.
    assert device.root.open("b").version == 2


def test_what_is_not_signed_changed_older_or_anothers_is_refused(
    device: Device, tars: Versions, parts: BundleParts, keys: KeyPair, tmp_path: Path
) -> None:
    device("install", tars(2))
    refusals = {}
    refusals["is older"] = device("install", tars(1))
    changed = tars(3)
    content = changed.read_bytes()
    changed.write_bytes(content[:7000] + b"!" + content[7001:])
    refusals["not the bundle that was signed"] = device("install", changed)
    changed.write_bytes(content[:-512])
    refusals["cut short"] = device("install", changed)
    changed.write_bytes(content)
    sig = changed.with_name("v3.tar.sig")
    text = sig.read_text()
    sig.write_text(text.replace("version 3", "version 4"))
    refusals["not the pinned key's"] = device("install", changed)
    sig.write_text(text + "more\n")
    refusals["is not a bundle's signature"] = device("install", changed)
    sig.unlink()
    refusals["found none"] = device("install", changed)
    arm = replace(parts, version=9, target=replace(parts.target, instruction_set="riscv64"))
    write_bundle(arm, tmp_path / "arm")
    write_archive(tmp_path / "arm", tmp_path / "arm.tar", packed_as="tar")
    sign_bundle(tmp_path / "arm.tar", Path(keys.private))
    refusals["is for riscv64"] = device("install", tmp_path / "arm.tar")
    refusals["a version of cells-local was wanted"] = device("install", tars(5, name="other"))
    for reason, done in refusals.items():
        assert done.returncode == 9, done.stderr
        assert reason in done.stderr
    assert (device.running(), device.root.filled("b")) == (2, False)
    assert device("install", tars(1), "--allow-downgrade").returncode == 0
    assert device.running() == 1


def test_what_fails_its_test_does_not_run(device: Device, tars: Versions) -> None:
    device("install", tars(1))
    device.script.write_text(
        device.script.read_text().replace("test -d", "echo no camera; test -f")
    )
    done = device("install", tars(2))
    assert done.returncode == 7
    assert "no camera" in done.stderr
    assert (device.running(), device.root.filled("b")) == (1, False)


def test_what_the_device_does_not_have_is_named(device: Device, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for tool in NEEDED[:-2]:
        (tmp_path / "bin" / tool).symlink_to(str(shutil.which(tool)))
    done = subprocess.run(
        [str(shutil.which("sh")), str(device.script), "status"],
        capture_output=True, text=True, check=False, env={"PATH": str(tmp_path / "bin")},
    )  # fmt: skip
    assert done.returncode == 7
    assert done.stderr == "error: the program awk is needed, and is not on this device\n"


def test_a_damaged_version_is_shown(device: Device, tars: Versions) -> None:
    assert device("status").returncode == 7
    device("install", tars(1))
    with (device.root.path("a") / "model.onnx").open("ab") as model:
        model.write(b"\0")
    shown = device("status")
    assert shown.returncode == 9
    assert "slot a    runs  damaged" in shown.stdout
    assert device("rollback").returncode == 9


def kill_often(device: Device, tars: Versions, *, times: int, seed: int) -> None:
    """Kill installations of ever newer versions at random moments, `times` of them in time.

    After each, the version that ran or the new one runs, whole; installing then completes.
    """
    assert device("install", tars(1)).returncode == 0
    begin = time.monotonic()
    assert device("install", tars(2)).returncode == 0
    took = time.monotonic() - begin
    chance = random.Random(seed)
    in_time, number = 0, 2
    while in_time < times:
        number += 1
        archive = tars(number)
        process = subprocess.Popen(
            ["sh", str(device.script), "install", str(archive)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        time.sleep(chance.uniform(0, took))
        if process.poll() is None:
            in_time += 1
            os.killpg(process.pid, signal.SIGKILL)
        else:
            took *= 0.9
        process.wait()
        assert device.running() in (number - 1, number)
        done = device("install", archive)
        assert done.returncode == 0, done.stderr


def test_a_killed_script_leaves_a_whole_version(device: Device, tars: Versions) -> None:
    kill_often(device, tars, times=1, seed=1)


@pytest.mark.slow
def test_a_script_killed_a_hundred_times_leaves_a_whole_version(
    device: Device, tars: Versions
) -> None:
    kill_often(device, tars, times=100, seed=2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"test": "true"}, "--test goes with --shell"),
        ({"shell": True, "python": sys.executable}, "--python names one"),
        ({"shell": True, "test": "echo 'hi'"}, "cannot stand in the script"),
    ],
    ids=["test", "python", "quotes"],
)
def test_choices_that_do_not_go_together_are_refused(
    words: dict[str, object], said: str, trust: Trust, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said):
        write_installer(tmp_path / "x", trust.keys, root="/r", disk_bytes=None, **words)  # type: ignore[arg-type]
