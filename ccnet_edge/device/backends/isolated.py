"""Engines whose packages clash with ours: in this process where they are, else in one of theirs.

On a device the engine is installed like any other package. Where ccnet-edge is built, it lies in
an environment of its own (`ccnet_edge.isolated`), whose Python runs this module:

    python -m ccnet_edge.device.backends.isolated ENGINE

    open   {"threads", …, "path"} or the model as payload      {"shape"}
    run    {"shape"} and the input, float32                     {"shape"} and the logits, float32
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.errors import DeviceError, MissingExtraError
from ccnet_edge.isolated import Child, find_environment
from ccnet_edge.isolated.environments import ENVIRONMENTS, importable
from ccnet_edge.isolated.frames import Payload
from ccnet_edge.isolated.serving import serve
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import SessionOptions

MODULE = "ccnet_edge.device.backends.isolated"
# Loading imports an engine, which for ExecuTorch is torch.
OPEN_TIMEOUT_S, RUN_TIMEOUT_S = 300.0, 600.0


class ShapedSession(Protocol):
    """A session that says what it takes: `shape` is [1, C, H, W], 0 for any height and width."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of the input."""

    def run(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Session.run`."""

    def close(self) -> None:
        """See `Session.close`."""


Opener = Callable[[Path | bytes, SessionOptions], ShapedSession]


class IsolatedSession:
    """A network in the process of another Python."""

    def __init__(self, child: Child, shape: tuple[int, int, int, int]) -> None:
        self._child = child
        self.shape = shape

    def run(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits [1, outputs, H, W] float32.

        Raises:
            DeviceError: the engine refuses the input, fails, or its process ended.
        """
        dense = np.ascontiguousarray(x, np.float32)
        reply = self._child.ask(
            "run", dense.data.cast("B"), timeout_s=RUN_TIMEOUT_S, shape=list(x.shape)
        )
        return np.frombuffer(reply.payload, np.float32).reshape(reply.fields["shape"])

    def close(self) -> None:
        """End the process."""
        self._child.close()


def open_anywhere(opener: Opener, model: Path | bytes, options: SessionOptions) -> ShapedSession:
    """`opener`'s session in this process, else one in the engine's own environment.

    Raises:
        MissingExtraError: the engine is neither here nor in an environment.
    """
    if importable(options.engine):
        return opener(model, options)
    interpreter = find_environment(options.engine).require(f"the engine {options.engine}")
    child = Child(
        interpreter,
        MODULE,
        options.engine,
        what=f"the process of {ENVIRONMENTS[options.engine].title}",
        failure=DeviceError,
    )
    try:
        given = {"path": str(model.resolve())} if isinstance(model, Path) else {}
        content = b"" if isinstance(model, Path) else model
        asked = {"options": serial.to_dict(options), **given}
        reply = child.ask("open", content, timeout_s=OPEN_TIMEOUT_S, **asked)
    except BaseException:
        child.close()
        raise
    n, channels, height, width = reply.fields["shape"]
    return IsolatedSession(child, (n, channels, height, width))


def own_interpreter(engine: str) -> Path | None:
    """The Python that has to measure `engine`, for the figures to be the engine's own.

    None where that is this one.

    Raises:
        MissingExtraError: the engine is neither here nor in an environment.
    """
    if engine not in ENVIRONMENTS or importable(engine):
        return None
    return find_environment(engine).require(f"the engine {engine}")


@dataclass
class _Server:
    """The verbs of the process in the environment."""

    engine: str
    _session: list[ShapedSession] = field(default_factory=list)

    def open(self, fields: Mapping[str, Any], payload: bytearray) -> tuple[dict[str, Any], Payload]:
        from ccnet_edge.device.backends import load_engine

        if not importable(self.engine):
            raise MissingExtraError(
                f"the isolated environment at {sys.prefix} is damaged: it has no "
                f"{ENVIRONMENTS[self.engine].module}",
                hint=find_environment(self.engine).command,
            )
        options = serial.from_dict(SessionOptions, fields["options"], where="the request")
        model = Path(fields["path"]) if "path" in fields else bytes(payload)
        opener: Any = load_engine(self.engine)
        session: ShapedSession = opener(model, options)
        self._session = [session]
        return {"shape": session.shape}, b""

    def run(self, fields: Mapping[str, Any], payload: bytearray) -> tuple[dict[str, Any], Payload]:
        x = np.frombuffer(payload, np.float32).reshape(fields["shape"])
        (session,) = self._session
        logits = np.ascontiguousarray(session.run(x), np.float32)
        return {"shape": list(logits.shape)}, logits.data.cast("B")


if __name__ == "__main__":
    server = _Server(sys.argv[1])
    serve({"open": server.open, "run": server.run})
