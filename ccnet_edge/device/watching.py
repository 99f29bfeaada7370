"""The process that watches the machine while this one measures, from its start to its end."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from types import TracebackType

from ccnet_edge.device.conditions.watch import BEGIN, READY
from ccnet_edge.device.environment import device_command
from ccnet_edge.errors import DeviceError
from ccnet_edge.spec import serial
from ccnet_edge.spec.conditions import Conditions

# For its last look and its report.
END_TIMEOUT_S = 30.0


class Watcher:
    """A process of `conditions.watch` beside this one; `begin` once, then `end`.

    Raises:
        DeviceError: it did not start, or did not report.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [*device_command(), "watch", "--pid", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != READY:
            raise self._failure()

    def __enter__(self) -> Watcher:  # noqa: PYI034 (typing has no Self in Python 3.10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def begin(self) -> None:
        """What is seen from now on counts."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            # It is missed when it ends.
            self._process.stdin.write(f"{BEGIN}\n")
            self._process.stdin.flush()

    def end(self) -> Conditions:
        """What it has seen since `begin`."""
        try:
            printed, _ = self._process.communicate(timeout=END_TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            raise DeviceError("the process that watches the machine did not end") from error
        if self._process.returncode or not printed:
            raise self._failure()
        return serial.from_json(Conditions, printed, where="what watched the machine")

    def _failure(self) -> DeviceError:
        _, said = self._process.communicate()
        return DeviceError(
            f"the process that watches the machine ended with {self._process.returncode}: "
            f"{(said.strip().splitlines() or ['it said nothing'])[-1]}"
        )
