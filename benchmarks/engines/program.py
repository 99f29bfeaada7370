"""An engine that is a program: each turn starts it, and it times its own inferences.

    class Native(ProgramEngine):
        distributions = ("ccnet-edge",)

        def convert(self, source, precision, out): …        # makes the program itself

What the program is called with and prints is in the package's docstring.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.engines.adapter import Array, Options, UnsupportedError, serve
from benchmarks.engines.runner import run_program

# The program that this module's own process runs, with the model as its first argument.
PROGRAM = "CCNET_BENCHMARK_PROGRAM"


class ProgramEngine:
    """A program that follows the runner's conventions."""

    distributions: Sequence[str] = ()

    def convert(self, source: Path, precision: str, out: Path) -> Path:
        """The model's path, or the program's where the network is compiled into it."""
        raise UnsupportedError("a program's own adapter says how its model is made")

    def command(self, model: Path) -> Sequence[str | Path]:
        """How the program is started for `model`."""
        return [model]

    def load(self, model: Path, options: Options) -> None:
        """Nothing yet: every turn starts the program afresh."""
        self._model, self._options = model, options
        self._x = np.zeros((1, 3, 16, 16), np.float32)

    def infer(self, x: Array) -> Array:
        """One inference in a process of its own; later turns use `x` as well."""
        self._x = x
        return self._run(1)[1]

    def time(self, runs: int) -> list[float]:
        """Milliseconds as the program prints them."""
        return self._run(runs)[0]

    def files(self) -> Sequence[Path]:
        """Nothing beside the program."""
        return []

    def _run(self, runs: int) -> tuple[list[float], Array]:
        with tempfile.TemporaryDirectory() as folder:
            ends = (Path(folder) / "input.f32", Path(folder) / "output.f32")
            self._x.tofile(ends[0])
            done = run_program(
                self.command(self._model),
                size=self._x.shape[-1],
                threads=self._options.threads,
                runs=runs,
                ends=ends,
            )
            size = self._x.shape[-1]
            return done.ms, np.fromfile(ends[1], np.float32).reshape(1, 1, size, size)


class AnyProgram(ProgramEngine):
    """The program that the environment names."""

    def command(self, model: Path) -> Sequence[str | Path]:
        """The program on the model."""
        return [os.environ[PROGRAM], model]


if __name__ == "__main__":
    serve(AnyProgram())
