"""The engine's side: one engine in a process of its own that answers JSON lines.

Requests, one object a line on standard input, and what the answer holds:

    {"do": "convert", "source": FOLDER, "precision": NAME, "out": FOLDER}   model
    {"do": "load", "model": PATH, "options": OPTIONS}                       load_ms
    {"do": "infer", "input": NPY, "output": NPY}                            (nothing)
    {"do": "time", "runs": N}                                               ms (a list), cpu_ms
    {"do": "peak", "input": NPY, "model": PATH, "options": OPTIONS, "runs": N}
                                                                            base_bytes, peak_bytes
    {"do": "about"}                                                         versions, files

A failure answers `error`. Only the standard library and numpy are used, since this file runs in
every engine's environment.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol, TextIO, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


class UnsupportedError(Exception):
    """The engine, as it is installed here, cannot do what was asked; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a model is loaded; `hint` is the precision that OpenVINO computes in, "" its default."""

    threads: int = 1
    hint: str = ""


class Engine(Protocol):
    """One inference engine.

    NOTE: an engine's library is imported by the methods that need it, never by its module: the
    base of a memory measurement is this process without the library.
    """

    @property
    def distributions(self) -> Sequence[str]:
        """What its versions are told by."""

    def convert(self, source: Path, precision: str, out: Path) -> Path:
        """Make the engine's model in the folder `out` from the files that `sources` wrote.

        Raises:
            UnsupportedError: the engine has no tool for this precision.
        """

    def load(self, model: Path, options: Options) -> None:
        """Make the model ready to infer."""

    def infer(self, x: Array) -> Array:
        """Image [1, 3, N, N] → logits [1, 1, N, N], both ordinary arrays."""

    def files(self) -> Sequence[Path]:
        """What has to be on a device beside the model for a program that is not Python."""


@runtime_checkable
class TimesItself(Protocol):
    """An engine whose inferences cannot be timed from this process."""

    def time(self, runs: int) -> list[float]:
        """Milliseconds of `runs` inferences."""


def serve(engine: Engine) -> None:
    """Answer requests until standard input ends."""
    answers = _claim_stdout()
    server = _Server(engine)
    for line in sys.stdin:
        request = json.loads(line)
        verb: Callable[..., dict[str, Any]] = getattr(server, request.pop("do"))
        try:
            answer = verb(**request)
        except Exception as error:  # noqa: BLE001 - whatever a foreign library raises is the answer
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


def peak_bytes() -> int:
    """VmHWM of this process."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(peak.split()[1]) * 1024


def _claim_stdout() -> TextIO:
    """Standard output for answers alone: what libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


@dataclass
class _Server:
    engine: Engine
    _x: Array = field(default_factory=lambda: np.zeros((1, 3, 16, 16), np.float32))

    def convert(self, source: str, precision: str, out: str) -> dict[str, Any]:
        Path(out).mkdir(parents=True, exist_ok=True)
        return {"model": str(self.engine.convert(Path(source), precision, Path(out)))}

    def load(self, model: str, options: dict[str, Any]) -> dict[str, Any]:
        started = time.perf_counter()
        self.engine.load(Path(model), Options(**options))
        return {"load_ms": 1e3 * (time.perf_counter() - started)}

    def infer(self, input: str, output: str) -> dict[str, Any]:  # noqa: A002 - the protocol's word
        self._x = np.load(input)
        np.save(output, self.engine.infer(self._x))
        return {}

    def time(self, runs: int) -> dict[str, Any]:
        cpu = time.process_time()
        if isinstance(self.engine, TimesItself):
            ms = self.engine.time(runs)
        else:
            ms = [self._timed() for _ in range(runs)]
        return {"ms": ms, "cpu_ms": 1e3 * (time.process_time() - cpu) / runs}

    def peak(
        self,
        input: str,  # noqa: A002 - the protocol's word
        model: str,
        options: dict[str, Any],
        runs: int,
    ) -> dict[str, Any]:
        self._x = np.load(input)
        base = peak_bytes()
        self.engine.load(Path(model), Options(**options))
        for _ in range(runs):
            self.engine.infer(self._x)
        return {"base_bytes": base, "peak_bytes": peak_bytes()}

    def about(self) -> dict[str, Any]:
        versions = {name: metadata.version(name) for name in self.engine.distributions}
        files = {path.name: path.stat().st_size for path in self.engine.files()}
        return {"versions": versions, "files": files}

    def _timed(self) -> float:
        started = time.perf_counter()
        self.engine.infer(self._x)
        return 1e3 * (time.perf_counter() - started)
