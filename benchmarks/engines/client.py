"""The driver's side of an adapter: a process in the engine's environment, asked by JSON lines."""

from __future__ import annotations

import json
import re
import subprocess
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.engines.adapter import Options
from benchmarks.engines.setups import ROOT, python


class EngineError(Exception):
    """An engine is missing, or did not do what it was asked; the message names no place."""


class Client:
    """One engine's process, from its start to the end of the `with` block.

    Raises:
        EngineError: from every method, with what the engine said.
    """

    def __init__(self, engine: str, *, log: Path) -> None:
        interpreter = python(engine)
        if not interpreter.exists():
            raise EngineError(
                f"it is not installed: python -m benchmarks.engines.install --engine {engine}"
            )
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log = log.open("w", encoding="utf-8")
        self._process = subprocess.Popen(
            # NOTE: as a module, since a script's folder would come first on the path, and its
            # modules are called as the engines' own.
            [interpreter, "-m", f"benchmarks.engines.{engine}"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._log.close()

    def convert(self, source: Path, precision: str, out: Path) -> Path:
        """The engine's model; see `adapter.Engine`."""
        answer = self._ask("convert", source=str(source), precision=precision, out=str(out))
        return Path(answer["model"])

    def load(self, model: Path, options: Options) -> float:
        """Make `model` ready; milliseconds that it took, the library's import with it."""
        return float(self._ask("load", model=str(model), options=asdict(options))["load_ms"])

    def infer(self, x: Path, y: Path) -> None:
        """One inference from one .npy file to another; later turns use the same image."""
        self._ask("infer", input=str(x), output=str(y))

    def time(self, runs: int) -> tuple[list[float], float]:
        """Milliseconds of `runs` inferences, and processor time of one of them on average."""
        answer = self._ask("time", runs=runs)
        return answer["ms"], answer["cpu_ms"]

    def own_peak_bytes(self, x: Path, model: Path, options: Options, *, runs: int) -> int:
        """Peak of loading and `runs` inferences, beyond the interpreter, numpy and the image."""
        answer = self._ask(
            "peak", input=str(x), model=str(model), options=asdict(options), runs=runs
        )
        return int(answer["peak_bytes"] - answer["base_bytes"])

    def about(self) -> tuple[dict[str, str], dict[str, int]]:
        """Versions of its distributions, and the bytes of the files that a device needs."""
        answer = self._ask("about")
        return answer["versions"], answer["files"]

    def _ask(self, what: str, **arguments: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            print(json.dumps({"do": what, **arguments}), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise EngineError(f"its process ended with {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise EngineError(placeless(answer["error"]))
        return answer


def placeless(text: str) -> str:
    """`text` on one line, without the folders of this machine."""
    return re.sub(r"(?<![\w.])(/[\w.+-]+)+/", "…/", " ".join(text.split()))[:400]
