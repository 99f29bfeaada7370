"""A link to a device: runs scripts of its shell and carries files, whatever lies between."""

from __future__ import annotations

import os
import secrets
import shlex
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ccnet_edge.errors import DeviceError

# The client of a link where the link, and not the script, failed.
LINK_FAILED = 255
# How long a client that was killed may take to let go of its pipes.
KILL_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Said:
    """How a script ended on the device, and what it printed; `text` is for messages.

    `code` is the script's exit status, or None where the link was lost before it ended.
    """

    code: int | None
    out: bytes
    text: str


class Link(Protocol):
    """A device's shell at the other end of a cable or network.

    `folders` are words of the device's shell: where files may be kept there, the best first.
    """

    @property
    def name(self) -> str:
        """The URL of the device, for messages."""

    @property
    def folders(self) -> tuple[str, ...]:
        """See the class."""

    def call(self, script: str, *, what: str, timeout_s: float, stdin: Path | None = None) -> Said:
        """Run a script there; its standard input stays open for as long as the link lives.

        Args:
            script: of a POSIX shell.
            what: for messages.
            timeout_s: given up after so many seconds.
            stdin: a file for its standard input.

        Raises:
            DeviceError: the device was not reached, or it took longer.
        """

    def push(self, file: Path, to: str, *, what: str, timeout_s: float) -> None:
        """Copy a file to the path `to` there.

        Raises:
            DeviceError: it was not copied whole; what came of it may lie at `to`.
        """

    def pull(self, folder: str, to: Path, *, what: str, timeout_s: float) -> None:
        """Copy what is in a folder there into the new folder `to`.

        Raises:
            DeviceError: it was not copied.
        """

    def close(self) -> None:
        """Let go of the device."""


@dataclass(frozen=True, kw_only=True)
class Marked:
    """A script between two marks, which tell its output from a greeting, and its end from a cut."""

    mark: str
    command: str

    def read(self, out: bytes, err: str) -> Said:
        """What the script said; see `Said`."""
        mark = self.mark.encode()
        _, found, rest = out.partition(mark + b"\n")
        body, ended, code = rest.rpartition(mark + b"=")
        if not found or not ended or not code.strip().isdigit():
            return Said(code=None, out=out, text=err)
        return Said(code=int(code), out=body, text=err)


def marked(script: str) -> Marked:
    """One command line for any login shell that runs `script` in a POSIX one."""
    mark = f"ccnet-{secrets.token_hex(8)}"
    whole = (
        f"LC_ALL=C; export LC_ALL; printf '%s\\n' {mark}\n(\n{script}\n)\n"
        f"code=$?; printf '%s=%d' {mark} $code; exit $code"
    )
    return Marked(mark=mark, command=f"exec sh -c {shlex.quote(whole)}")


def converse(
    client: list[str], *, what: str, timeout_s: float, stdin: Path | None = None
) -> tuple[int, bytes, str]:
    """Run a client of a link: its exit status, standard output and standard error.

    Without `stdin` its standard input is a pipe that stays open until it ends, so that what
    it started on the device can tell by the pipe's end that nobody waits any more.

    Raises:
        DeviceError: it took longer than `timeout_s`.
        FileNotFoundError: there is no such program.
    """
    if stdin is not None:
        with stdin.open("rb") as file:
            return _converse(client, file.fileno(), what=what, timeout_s=timeout_s)
    ours, theirs = os.pipe()
    try:
        return _converse(client, ours, what=what, timeout_s=timeout_s, close=ours)
    finally:
        os.close(theirs)


def _converse(
    client: list[str], stdin: int, *, what: str, timeout_s: float, close: int | None = None
) -> tuple[int, bytes, str]:
    try:
        process = subprocess.Popen(
            client, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    finally:
        if close is not None:
            os.close(close)
    with process:
        try:
            out, err = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            raise DeviceError(
                f"{what} took longer than {timeout_s:g} s and was stopped",
                hint="look at the device, or allow more time: …?timeout=2h after its name",
            ) from error
        finally:
            process.kill()
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=KILL_S)
    return process.returncode, out, err.decode(errors="replace")
