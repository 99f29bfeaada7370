"""Where a benchmark runs: a host starts commands of the device wing and gives back their JSON."""

from __future__ import annotations

import subprocess
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from ccnet_edge.bench.failures import KILLED_HINT, device_failure
from ccnet_edge.device.environment import device_command
from ccnet_edge.errors import DeviceError
from ccnet_edge.spec.target import DeviceProfile

# A hundred inferences of a slow network on a slow board, with room.
TIMEOUT_S = 3600.0
DONE = (0,)

Word = str | Path


class Host(Protocol):
    """A machine that can run the device wing."""

    @property
    def name(self) -> str:
        """What messages call it."""

    def run(
        self,
        command: str,
        model: Path,
        arguments: Sequence[Word] = (),
        *,
        out: Path | None = None,
        results: Collection[int] = DONE,
    ) -> str:
        """What `ccnet-device <command> <model> <arguments>` prints there, in a fresh process.

        Args:
            command: of the device wing.
            model: the file that it is about; it is copied there.
            arguments: words as they are; a path is a file that is copied there too.
            out: the command writes into a folder, by its option `-o`, which comes back as this.
            results: exit codes of the wing that are results and no failures.

        Raises:
            DeviceError: the host was not reached, or the command failed.
        """

    def use(self, runtime: bytes) -> None:
        """Run this .pyz, a bundle's own, where something is copied."""

    def check(self, target: DeviceProfile, *, engine: str) -> None:
        """Find out in seconds what would fail after hours: that the host can do its work.

        Raises:
            DeviceError: it is not reached, is not of the target's kind, or lacks something.
        """

    def close(self, *, keep: bool = False) -> None:
        """Remove what was copied there, unless it shall `keep` it for the next time."""


class LocalHost:
    """This machine."""

    name = "local"

    def __init__(self, *, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s

    def run(
        self,
        command: str,
        model: Path,
        arguments: Sequence[Word] = (),
        *,
        out: Path | None = None,
        results: Collection[int] = DONE,
    ) -> str:
        """See `Host.run`."""
        started = [*device_command(), command, str(model), *map(str, arguments)]
        started += [] if out is None else ["-o", str(out)]
        what = f"{command} of {model} on this machine"
        try:
            done = subprocess.run(
                started, capture_output=True, text=True, timeout=self._timeout_s, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise DeviceError(f"{what} took longer than {self._timeout_s:g} s") from error
        if done.returncode < 0:
            raise DeviceError(f"{what} was killed by signal {-done.returncode}", hint=KILLED_HINT)
        if done.returncode not in results:
            raise device_failure(what, done.returncode, done.stderr)
        return done.stdout

    def use(self, runtime: bytes) -> None:
        """Nothing is copied: this installation runs."""

    def check(self, target: DeviceProfile, *, engine: str) -> None:
        """It does its work: this process is part of it."""

    def close(self, *, keep: bool = False) -> None:
        """Nothing was copied."""


class FakeHost:
    """A host for tests: prints what it was told to, by command, and remembers what was asked."""

    def __init__(self, printed: Mapping[str, str], *, name: str = "fake") -> None:
        self.name = name
        self.asked: list[tuple[str, Path, tuple[Word, ...]]] = []
        self.checked: list[str] = []
        self._printed = dict(printed)

    def run(
        self,
        command: str,
        model: Path,
        arguments: Sequence[Word] = (),
        *,
        out: Path | None = None,
        results: Collection[int] = DONE,
    ) -> str:
        """See `Host.run`; a command that is not in the table fails."""
        self.asked.append((command, model, tuple(arguments)))
        if command not in self._printed:
            raise DeviceError(f"{command} of {model} on {self.name} ended with 1")
        return self._printed[command]

    def use(self, runtime: bytes) -> None:
        """Nothing is copied."""

    def check(self, target: DeviceProfile, *, engine: str) -> None:
        """Remembers the target's name."""
        self.checked.append(target.name)

    def close(self, *, keep: bool = False) -> None:
        """Nothing was copied."""
