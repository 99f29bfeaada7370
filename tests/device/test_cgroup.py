"""Laws of memory groups: a limit holds, kills are counted, nothing stays; refusals say why."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ccnet_edge.device import cgroup
from ccnet_edge.device.cgroup import (
    PREFIX,
    MemoryGroup,
    clear_stale,
    make_group,
    memory_group,
    memory_places,
)
from ccnet_edge.errors import InvalidMeasurementError

MIB = 2**20


@pytest.fixture
def group() -> Iterator[MemoryGroup]:
    """A real group of 64 MiB, where the system lets one be made."""
    try:
        with memory_group(64 * MIB) as made:
            yield made
    except InvalidMeasurementError as error:
        pytest.skip(error.message)


def hold(size_mib: int) -> list[str]:
    """A process that holds so much, and then says so."""
    return [sys.executable, "-S", "-c", f"held = b'1' * ({size_mib} << 20); print(len(held))"]


def run(group: MemoryGroup, words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(group.command(words), capture_output=True, text=True, check=False)


def test_what_fits_runs_and_what_does_not_is_killed_and_counted(group: MemoryGroup) -> None:
    done = run(group, hold(16))
    assert (done.returncode, done.stdout) == (0, f"{16 * MIB}\n")
    assert group.kills == 0
    assert 16 * MIB <= (group.peak_bytes or 0) <= 64 * MIB
    assert run(group, hold(128)).returncode == -9
    assert group.kills == 1


def test_a_group_goes_with_everything_that_still_runs_in_it() -> None:
    try:
        with memory_group(64 * MIB) as made:
            words = [sys.executable, "-S", "-c", "print(flush=True); import time; time.sleep(60)"]
            left = subprocess.Popen(made.command(words), stdout=subprocess.PIPE)
            assert left.stdout is not None
            left.stdout.readline()
    except InvalidMeasurementError as error:
        pytest.skip(error.message)
    assert left.wait(timeout=10) == -9
    left.stdout.close()
    assert not made.folder.exists()


def test_groups_of_killed_makers_are_cleared_and_those_in_use_are_kept(group: MemoryGroup) -> None:
    parent = group.folder.parent
    stale = parent / f"{PREFIX}999999999-1-00"
    # The number of a process that lives, with the start of another one before it.
    reused = parent / f"{PREFIX}{group.folder.name.split('-')[2]}-1-00"
    for folder in (stale, reused):
        folder.mkdir()
    clear_stale(parent)
    assert not stale.exists()
    assert not reused.exists()
    assert group.folder.exists()


def test_what_a_killed_tool_left_is_cleared_by_the_next(group: MemoryGroup) -> None:
    """The tool is killed with a process in its group, which runs on; the next one ends it."""
    program = (
        "import os, signal, subprocess, sys\n"
        "from ccnet_edge.device.cgroup import memory_group\n"
        "sleep = 'print(flush=True); import time; time.sleep(60)'\n"
        "with memory_group(64 << 20) as made:\n"
        "    words = [sys.executable, '-S', '-c', sleep]\n"
        # What runs on must not hold the tool's pipes open: the test would wait for it.
        "    pipes = {'stdout': subprocess.PIPE, 'stderr': subprocess.DEVNULL}\n"
        "    left = subprocess.Popen(made.command(words), **pipes)\n"
        "    left.stdout.readline()\n"
        "    print(made.folder, left.pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == -9, done.stderr
    folder, process = done.stdout.split()
    assert Path(folder).exists()
    assert group.folder.exists()
    with memory_group(64 * MIB):
        assert not Path(folder).exists()
        # Ended, if not yet taken leave of by whoever inherited it.
        status = Path(f"/proc/{process}/stat")
        assert not status.exists() or ") Z " in status.read_text()


def test_a_process_that_cannot_join_ends_with_125(tmp_path: Path) -> None:
    absent = MemoryGroup(version="v2", folder=tmp_path / "absent")
    assert run(absent, hold(1)).returncode == 125


# A folder in place of each version's file system: what is written, and what is understood.


@pytest.mark.parametrize(
    ("version", "limits"),
    [
        ("v1", {"memory.limit_in_bytes": "1048576"}),
        ("v2", {"memory.max": "1048576"}),
    ],
)
def test_both_versions_are_limited_by_their_own_files(
    tmp_path: Path, version: cgroup.Version, limits: dict[str, str]
) -> None:
    made = make_group(MIB, ((version, tmp_path),))
    assert {name: (made.folder / name).read_text() for name in limits} == limits
    handed = tmp_path / "cgroup.subtree_control"
    assert (handed.read_text() if handed.exists() else "") == ("+memory" if version == "v2" else "")


def test_kills_and_charges_are_read_from_either_versions_files(tmp_path: Path) -> None:
    (tmp_path / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n")
    (tmp_path / "memory.max_usage_in_bytes").write_text("4096\n")
    (tmp_path / "memory.events").write_text("max 12\noom 2\noom_kill 2\noom_group_kill 0\n")
    first = MemoryGroup(version="v1", folder=tmp_path)
    second = MemoryGroup(version="v2", folder=tmp_path)
    assert (first.kills, first.peak_bytes) == (3, 4096)
    assert (second.kills, second.peak_bytes) == (2, None)


def test_no_group_says_of_each_place_why(tmp_path: Path) -> None:
    absent = tmp_path / "nowhere"
    with pytest.raises(
        InvalidMeasurementError, match=r"none may: .*nowhere: No such file"
    ) as error:
        make_group(MIB, (("v1", absent),))
    assert "run as root" in error.value.hint
    with pytest.raises(InvalidMeasurementError, match="no control groups for memory"):
        make_group(MIB, ())


SYSTEMS = {
    "v1": (
        "4:memory:/a/b\n0::/\n",
        "35 31 0:32 / {mount} rw - cgroup cgroup rw,memory\n",
        ("a/b", "a", ""),
    ),
    "v2": (
        "0::/user/session\n",
        "41 31 0:38 / {mount} rw,relatime shared:9 - cgroup2 cgroup2 rw\n",
        ("user/session", "user", ""),
    ),
}


@pytest.mark.parametrize("version", sorted(SYSTEMS))
def test_places_are_the_own_group_and_those_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    own, mounts, expected = SYSTEMS[version]
    texts = {"/proc/self/cgroup": own, "/proc/self/mountinfo": mounts.format(mount=tmp_path)}
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
    read = cgroup._read
    monkeypatch.setattr(cgroup, "_read", lambda path: texts.get(str(path), read(path)))
    assert memory_places() == tuple((version, tmp_path / path) for path in expected)
