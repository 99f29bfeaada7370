"""Programs that decide whether a version may run: its own self-test, a health check."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ccnet_edge.errors import DeviceError
from ccnet_edge.spec.bundle import RUNTIME_FILE

# Lines of a failed program's messages that are passed on.
LINES = 8


def self_test(bundle: Path, *, python: str, timeout_s: float) -> None:
    """Let the bundle's own runtime compare the golden output with what this device gives.

    Args:
        bundle: a slot's, which was checked.
        python: the interpreter that has the runtime's packages.
        timeout_s: what it may take.

    Raises:
        DeviceError: it failed, was killed, or took longer.
    """
    command = [python, str(bundle / RUNTIME_FILE), "verify", str(bundle), "--no-measure"]
    run(command, what="the golden self-test", timeout_s=timeout_s)


def run(command: Sequence[str], *, what: str, timeout_s: float) -> None:
    """Run a program to its end.

    Raises:
        DeviceError: it could not be started, ended with another code than 0, or took longer;
            then it and all that it started are killed.
    """
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
    except OSError as error:
        raise DeviceError(f"{what} could not be started: {error}") from error
    try:
        output, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise DeviceError(f"{what} took longer than {timeout_s:g} s and was killed") from error
    if process.returncode:
        said = output.decode("utf-8", "replace").strip().splitlines()[-LINES:]
        lines = "".join(f"\n  {line}" for line in said)
        raise DeviceError(f"{what} failed with exit code {process.returncode}{lines}")
