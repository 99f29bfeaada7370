"""The other end of `process`: starts it, asks it, and turns its death into an error."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.device.tensorrt.process import SharedArray
from ccnet_edge.errors import ConfigError, DeviceError
from ccnet_edge.spec import serial
from ccnet_edge.spec.tensorrt import EngineDevice

# CUDA starts in seconds; a first load may compile kernels for a while.
START_S, LOAD_S, RUN_S = 120.0, 600.0, 120.0
CLOSE_S = 5.0
SAID = 2000


class EngineProcess:
    """A running child with TensorRT loaded, and the device that it found."""

    def __init__(self, command: Sequence[str], *, timeout_s: float = START_S) -> None:
        """Start `command`, which gets the two descriptors of the shared memory as arguments.

        Raises:
            DeviceError: no TensorRT, no GPU, or the process died or took too long.
        """
        given, made = _memory("given"), _memory("made")
        self._given, self._made = SharedArray(given), SharedArray(made)
        # Open for as long as the child lives.
        self._said = tempfile.TemporaryFile()  # noqa: SIM115
        self._left = b""
        self._child = subprocess.Popen(
            [*command, str(given), str(made)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            pass_fds=(given, made),
        )
        try:
            answer = self._read("starting TensorRT", timeout_s)
            self.device = serial.from_dict(EngineDevice, answer.get("device"), where="TensorRT")
        except (DeviceError, ConfigError) as error:
            self.close()
            raise DeviceError(error.message, hint=error.hint) from error

    def load(self, engine: Path, *, timeout_s: float = LOAD_S) -> None:
        """Load an engine file.

        Raises:
            DeviceError: TensorRT refused it, or crashed on it.
        """
        self._ask({"load": str(engine)}, f"loading the engine {engine}", timeout_s)

    def run(self, x: NDArray[np.float32], *, timeout_s: float = RUN_S) -> NDArray[np.float32]:
        """Logits [1, outputs, H, W] float32 for an input [1, C, H, W].

        Raises:
            DeviceError: the engine refused it, crashed, or hangs.
        """
        self._given.write(np.ascontiguousarray(x, np.float32))
        answer = self._ask({"run": list(x.shape)}, f"an inference on {list(x.shape)}", timeout_s)
        return self._made.read(tuple(answer["shape"])).copy()

    @property
    def pid(self) -> int:
        """The child's process number."""
        return self._child.pid

    def close(self) -> None:
        """End the child, and give the shared memory back."""
        if self._said.closed:
            return
        for stream in (self._child.stdin, self._child.stdout):
            # A child that is gone leaves a pipe that cannot be flushed.
            with suppress(OSError):
                stream.close() if stream is not None else None
        try:
            self._child.wait(CLOSE_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._given.close()
        self._made.close()
        self._said.close()

    def _ask(self, question: dict[str, Any], what: str, timeout_s: float) -> dict[str, Any]:
        stdin = self._child.stdin
        if self._said.closed or stdin is None:
            raise DeviceError(f"{what}: the TensorRT process has ended")
        try:
            stdin.write(json.dumps(question).encode() + b"\n")
            stdin.flush()
        except OSError as error:
            raise self._died(what) from error
        return self._read(what, timeout_s)

    def _read(self, what: str, timeout_s: float) -> dict[str, Any]:
        line = self._line(what, time.monotonic() + timeout_s, timeout_s)
        try:
            answer = json.loads(line)
        except ValueError as error:
            raise DeviceError(f"{what}: TensorRT's process answered {line[:200]!r}") from error
        if not isinstance(answer, dict) or "error" in answer:
            said = answer if isinstance(answer, dict) else {"error": str(answer)}
            raise DeviceError(f"{what} failed: {said['error']}", hint=str(said.get("hint", "")))
        return answer

    def _line(self, what: str, deadline: float, timeout_s: float) -> bytes:
        """One line, or an error: the child may die or hang at any time."""
        stdout = self._child.stdout
        assert stdout is not None
        while b"\n" not in self._left:
            ready, _, _ = select.select([stdout], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                self._child.kill()
                raise DeviceError(f"{what} took longer than {timeout_s:.0f} s and was ended")
            block = os.read(stdout.fileno(), 65536)
            if not block:
                raise self._died(what)
            self._left += block
        line, _, self._left = self._left.partition(b"\n")
        return line

    def _died(self, what: str) -> DeviceError:
        """The error for a child that ended by itself, with the last that it said."""
        code = self._child.wait()
        how = f"ended with {code}"
        if code < 0:
            how = f"was ended by signal {-code} ({signal.Signals(-code).name})"
        self._said.seek(0)
        said = self._said.read()[-SAID:].decode(errors="replace").strip()
        return DeviceError(
            f"{what}: TensorRT's process {how}" + (f": {said}" if said else ""),
            hint="a damaged or foreign engine file does that; build it again: trt-build --force",
        )


def _memory(name: str) -> int:
    """The descriptor of an empty file in memory, which the child inherits."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create(f"ccnet-{name}")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
