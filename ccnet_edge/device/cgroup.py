"""A memory limit that the system enforces: a control group of one's own, version 1 or 2.

A group is a folder that holds the processes which may not have more memory together than its
limit says; what does not fit is killed. Sources: Documentation/admin-guide/cgroup-v1/memory.rst
and cgroup-v2.rst of Linux. Swap is switched off in it, where the system counts swap at all.

Groups are made beside or below the group of this process. A group is named after the process
that made it, so that one left behind by a killed process is told from one in use, and cleared.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ccnet_edge.errors import InvalidMeasurementError

Version = Literal["v1", "v2"]

PREFIX = "ccnet-edge-"
NAME = re.compile(rf"{PREFIX}(\d+)-(\d+)-[0-9a-f]+")
PROCESSES = "cgroup.procs"
LIMIT: dict[Version, str] = {"v1": "memory.limit_in_bytes", "v2": "memory.max"}
PEAK: dict[Version, str] = {"v1": "memory.max_usage_in_bytes", "v2": "memory.peak"}
# Where the number of processes that the limit killed stands, as a line "oom_kill N".
KILLS: dict[Version, str] = {"v1": "memory.oom_control", "v2": "memory.events"}
# Written after the limit, where it exists: no way out to swap.
NO_SWAP: dict[Version, tuple[tuple[str, str], ...]] = {
    "v1": (("memory.swappiness", "0"), ("memory.memsw.limit_in_bytes", "{limit}")),
    "v2": (("memory.swap.max", "0"),),
}
# Exit code of a process that is in no group; none of ours ends with it.
NOT_JOINED = 125
# A killed process leaves its group within milliseconds.
EMPTY_WITHIN_S = 5.0


@dataclass(frozen=True, kw_only=True)
class MemoryGroup:
    """A control group with a limit; processes that are started by `command` are in it."""

    version: Version
    folder: Path

    def command(self, words: list[str]) -> list[str]:
        """`words` as a command whose process is in the group before its first instruction.

        It ends with `NOT_JOINED` where the group cannot be joined.
        """
        join = f'echo $$ > "$0" || exit {NOT_JOINED}; exec "$@"'
        return ["/bin/sh", "-c", join, str(self.folder / PROCESSES), *words]

    @property
    def kills(self) -> int:
        """How many processes the limit has killed."""
        text = _read(self.folder / KILLS[self.version])
        found = re.search(r"^oom_kill (\d+)$", text, re.MULTILINE)
        return int(found[1]) if found else 0

    @property
    def peak_bytes(self) -> int | None:
        """The most that the system charged to the group; None where it does not say.

        NOTE: pages of shared libraries are charged to whoever read them first, so this may be
        less than what the processes hold.
        """
        text = _read(self.folder / PEAK[self.version]).strip()
        return int(text) if text.isdigit() else None


@contextmanager
def memory_group(limit_bytes: int) -> Iterator[MemoryGroup]:
    """A group with a limit, which is removed at the end with everything that still runs in it.

    Groups of processes that were killed before they could do so are removed first.

    Args:
        limit_bytes: of all memory that its processes have together.

    Raises:
        InvalidMeasurementError: no memory control group can be made here; says why.
    """
    for _, mount, _ in _hierarchies():
        clear_stale(mount)
    group = make_group(limit_bytes, memory_places())
    try:
        yield group
    finally:
        _remove(group.folder)


def memory_places() -> tuple[tuple[Version, Path], ...]:
    """Folders of the system in which groups for memory could be made, the nearest first.

    The group of this process, then those above it: version 2 wants groups to be made where no
    process is, beside and not below its own.
    """
    found: list[tuple[Version, Path]] = []
    for version, mount, own in _hierarchies():
        here = mount / own.lstrip("/")
        found.append((version, here))
        while here != mount:
            here = here.parent
            found.append((version, here))
    return tuple(found)


def _hierarchies() -> Iterator[tuple[Version, Path, str]]:
    """Version, mount point and the path of this process's group, where memory can be limited."""
    paths: dict[str, str] = {}
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            paths[controller] = path
    for line in _read(Path("/proc/self/mountinfo")).splitlines():
        words = line.split()
        kind = words[words.index("-") + 1]
        if kind == "cgroup" and "memory" in words[-1].split(",") and "memory" in paths:
            yield "v1", Path(words[4]), paths["memory"]
        elif kind == "cgroup2" and "memory" in _read(Path(words[4]) / "cgroup.controllers"):
            yield "v2", Path(words[4]), paths.get("", "/")


def make_group(limit_bytes: int, places: tuple[tuple[Version, Path], ...]) -> MemoryGroup:
    """A group with a limit in the first of `places` that lets it be made; see `memory_group`."""
    reasons = []
    for version, parent in places:
        folder = parent / f"{PREFIX}{os.getpid()}-{_started(os.getpid())}-{secrets.token_hex(4)}"
        try:
            if version == "v2":
                _hand_down(parent)
            folder.mkdir()
            _limit(folder, version, limit_bytes)
        except OSError as error:
            reasons.append(f"{parent}: {error.strerror}")
            _remove(folder)
            continue
        return MemoryGroup(version=version, folder=folder)
    why = "; ".join(reasons) or "the system has no control groups for memory"
    raise InvalidMeasurementError(
        f"a memory limit needs a control group that may be made here, and none may: {why}",
        hint="run as root, or under `systemd-run --user --scope -p Delegate=yes`",
    )


def _limit(folder: Path, version: Version, limit_bytes: int) -> None:
    (folder / LIMIT[version]).write_text(str(limit_bytes))
    for name, value in NO_SWAP[version]:
        if (folder / name).exists():
            (folder / name).write_text(value.format(limit=limit_bytes))


def _hand_down(parent: Path) -> None:
    """Version 2: let groups below `parent` limit memory."""
    switch = parent / "cgroup.subtree_control"
    if "memory" not in _read(switch).split():
        switch.write_text("+memory")


def clear_stale(mount: Path) -> None:
    """Remove groups below `mount` whose makers are gone, and end what still runs in them."""
    with contextlib.suppress(OSError):
        for folder in sorted(mount.rglob(f"{PREFIX}*")):
            name = NAME.fullmatch(folder.name)
            if name and _started(int(name[1])) != int(name[2]):
                _remove(folder)


def _remove(folder: Path) -> None:
    """End everything in a group and take it away; what resists is left to a later run."""
    until = time.monotonic() + EMPTY_WITHIN_S
    while folder.exists() and time.monotonic() < until:
        for word in _read(folder / PROCESSES).split():
            with contextlib.suppress(OSError):
                os.kill(int(word), signal.SIGKILL)
        with contextlib.suppress(OSError):
            folder.rmdir()
            return
        time.sleep(0.02)


def _started(process: int) -> int:
    """When a process started, in clock ticks since boot; 0 where there is none of that number."""
    text = _read(Path(f"/proc/{process}/stat"))
    # The name in brackets may hold anything; the start is the 22nd field of all.
    return int(text.rpartition(")")[2].split()[19]) if text else 0


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
