"""A process that answers requests on its pipes: this process's side."""

from __future__ import annotations

import os
import subprocess
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, final

from ccnet_edge import errors
from ccnet_edge.errors import CcnetError
from ccnet_edge.isolated.environments import sources_path
from ccnet_edge.isolated.frames import FrameError, Payload, read_frame, write_frame

TIMEOUT_S = 600.0
# What is kept of a child's standard error, and what an error shows of it.
KEPT_LINES, SHOWN_LINES = 200, 8
MEMORY_HINT = "signal 9 is most often the system being out of memory"
CLOSING_S = 5.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Reply:
    """What a child answered."""

    fields: dict[str, Any]
    payload: bytearray


@final
class Child:
    """A module of ours that another Python runs, until `close` or the end of a `with` block.

    Errors of ours that are raised in the child are raised here as what they are, with their
    hints; anything else is raised as `failure`.
    """

    def __init__(
        self,
        interpreter: Path,
        module: str,
        *arguments: str,
        what: str,
        failure: type[CcnetError] = CcnetError,
    ) -> None:
        """Start it.

        Args:
            interpreter: the Python, usually of an environment.
            module: what `-m` names.
            arguments: of the module.
            what: what messages call the process.
            failure: what it is raised as when the process fails.

        Raises:
            CcnetError: `failure`, where the interpreter does not start.
        """
        self._what, self._failure, self._late = what, failure, False
        words = [str(interpreter), "-m", module, *arguments]
        try:
            self._process = subprocess.Popen(
                words,
                env=child_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except OSError as error:
            raise failure(f"{what} did not start: {interpreter}: {error.strerror}") from error
        self._said: deque[str] = deque(maxlen=KEPT_LINES)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def ask(
        self, do: str, payload: Payload = b"", *, timeout_s: float = TIMEOUT_S, **fields: Any
    ) -> Reply:
        """Send one request, and wait for its reply.

        Raises:
            CcnetError: what the child answered; or `failure`, where it ended, was killed, took
                longer than `timeout_s`, or answered in no words of ours.
        """
        stdin, stdout = self._pipes()
        watch = threading.Timer(timeout_s, self._give_up)
        watch.daemon = True
        watch.start()
        try:
            write_frame(stdin, {"do": do, **fields}, payload)
            frame = read_frame(stdout)
        except FrameError as error:
            self.close()
            raise self._failed(f"answered {do!r} in no words of ours: {error}") from error
        except OSError:
            frame = None
        finally:
            watch.cancel()
        if frame is None:
            raise self._ended(do, timeout_s)
        return self._read(Reply(fields=frame[0], payload=frame[1]))

    def close(self) -> None:
        """End the process, and wait for its end."""
        self._process.kill()
        self._process.wait()
        self._listener.join(CLOSING_S)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                _close(pipe)

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _pipes(self) -> tuple[BinaryIO, BinaryIO]:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        if stdin.closed:
            raise self._failure(f"{self._what} was closed")
        return stdin, stdout  # type: ignore[return-value]

    def _read(self, reply: Reply) -> Reply:
        said = reply.fields.get("error")
        if said is None:
            return reply
        kind = getattr(errors, str(reply.fields.get("kind")), None)
        if isinstance(kind, type) and issubclass(kind, CcnetError):
            raise kind(str(said), hint=str(reply.fields.get("hint", "")))
        raise self._failure(f"{self._what} failed: {reply.fields.get('kind')}: {said}")

    def _ended(self, do: str, timeout_s: float) -> CcnetError:
        code = self._process.wait()
        self.close()
        if self._late:
            return self._failed(f"took longer than {timeout_s:g} s to {do}, and was ended")
        if code < 0:
            hint = MEMORY_HINT if code == -9 else ""
            return self._failed(f"was killed by signal {-code} while asked to {do}", hint=hint)
        return self._failed(f"ended with {code} while asked to {do}")

    def _failed(self, how: str, *, hint: str = "") -> CcnetError:
        said = "".join(f"\n  {line}" for line in list(self._said)[-SHOWN_LINES:])
        return self._failure(f"{self._what} {how}{said}", hint=hint)

    def _give_up(self) -> None:
        self._late = True
        self._process.kill()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._said.append(line.decode("utf-8", errors="replace").rstrip())


def child_environment() -> dict[str, str]:
    """This process's environment, with this very ccnet-edge for a Python that has none installed.

    The folder that a person is in is not searched for modules.
    """
    ours = {"PYTHONPATH": str(sources_path()), "PYTHONSAFEPATH": "1"}
    return {**os.environ, **ours, "PYTHONDONTWRITEBYTECODE": "1"}


def _close(pipe: Any) -> None:
    try:
        pipe.close()
    except OSError:
        # What was written to a process that has ended.
        return
