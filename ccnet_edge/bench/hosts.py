"""Where a benchmark runs: a host starts commands of the device wing and gives back their JSON."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from ccnet_edge.device.memory import device_command
from ccnet_edge.errors import DeviceError

# A hundred inferences of a slow network on a slow board, with room.
TIMEOUT_S = 3600.0
KILLED_HINT = "signal 9 is most often the system being out of memory; try a smaller network"
# What a shell says of a command that signal n ended.
SIGNALLED = 128


class Host(Protocol):
    """A machine that can run the device wing."""

    @property
    def name(self) -> str:
        """What messages call it."""

    def run(self, command: str, model: Path, arguments: Sequence[str]) -> str:
        """What `ccnet-device <command> <model> <arguments>` prints there, in a fresh process.

        Raises:
            DeviceError: the host was not reached, or the command failed.
        """


class LocalHost:
    """This machine."""

    name = "local"

    def __init__(self, *, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s

    def run(self, command: str, model: Path, arguments: Sequence[str]) -> str:
        """See `Host.run`."""
        started = [*device_command(), command, str(model), *arguments]
        what = f"{command} of {model} on this machine"
        try:
            done = subprocess.run(
                started, capture_output=True, text=True, timeout=self._timeout_s, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise DeviceError(f"{what} took longer than {self._timeout_s:.0f} s") from error
        if done.returncode < 0:
            raise DeviceError(f"{what} was killed by signal {-done.returncode}", hint=KILLED_HINT)
        if done.returncode:
            raise device_failure(what, done.returncode, done.stderr)
        return done.stdout


class FakeHost:
    """A host for tests: prints what it was told to, by command, and remembers what was asked."""

    def __init__(self, printed: Mapping[str, str], *, name: str = "fake") -> None:
        self.name = name
        self.asked: list[tuple[str, Path, tuple[str, ...]]] = []
        self._printed = dict(printed)

    def run(self, command: str, model: Path, arguments: Sequence[str]) -> str:
        """See `Host.run`; a command that is not in the table fails."""
        self.asked.append((command, model, tuple(arguments)))
        if command not in self._printed:
            raise DeviceError(f"{command} of {model} on {self.name} ended with 1")
        return self._printed[command]


def device_failure(what: str, returncode: int, stderr: str) -> DeviceError:
    """The error for a command of the device wing that failed: its own message and hint."""
    if returncode > SIGNALLED:
        return DeviceError(
            f"{what} was killed by signal {returncode - SIGNALLED}", hint=KILLED_HINT
        )
    lines = stderr.strip().splitlines()
    hint = next((line.removeprefix("hint:").strip() for line in lines if "hint:" in line[:5]), "")
    said = [line.removeprefix("error:").strip() for line in lines if "hint:" not in line[:5]]
    if any(line.startswith("Traceback") for line in said):
        # Its last line is what it is about.
        said = said[-1:]
    text = "\n".join(said) or "it said nothing"
    return DeviceError(f"{what} ended with {returncode}: {text}", hint=hint)
