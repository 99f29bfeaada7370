"""The child process that holds TensorRT: what crashes it does not crash the program.

It answers on what was its standard output with a line of JSON to each line of JSON that it is
sent; pixels go through two files in memory that its parent made. Everything that libraries print
goes to standard error.

    → (nothing)                      ← {"device": {…}}
    → {"load": "engine.plan"}        ← {"loaded": true}
    → {"run": [1, 3, 512, 512]}      ← {"shape": [1, 1, 512, 512]}
    an error                         ← {"error": "…", "hint": "…"}
"""

from __future__ import annotations

import json
import mmap
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.device.tensorrt.engine import LoadedEngine, describe_device, load_tensorrt
from ccnet_edge.errors import CcnetError
from ccnet_edge.spec import serial

Answer = dict[str, Any]


def serve(given: int, made: int) -> None:
    """Answer until standard input ends.

    Args:
        given: the file descriptor of the memory that inputs are in.
        made: that of the memory for outputs.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # Libraries print to standard output as they like.
    os.dup2(2, 1)
    server = _Server(given, made)
    print(json.dumps(server.answer({"describe": True})), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(server.answer(json.loads(line))), file=answers, flush=True)


class _Server:
    def __init__(self, given: int, made: int) -> None:
        self._given, self._made = SharedArray(given), SharedArray(made)
        self._module: Any = None
        self._engine: LoadedEngine | None = None

    def answer(self, question: Answer) -> Answer:
        try:
            return self._answer(question)
        except CcnetError as error:
            return {"error": error.message, "hint": error.hint}
        except (OSError, RuntimeError, ValueError, TypeError, MemoryError) as error:
            return {"error": f"{type(error).__name__}: {error}", "hint": ""}

    def _answer(self, question: Answer) -> Answer:
        if "describe" in question:
            self._module = load_tensorrt()
            return {"device": serial.to_dict(describe_device(self._module))}
        if "load" in question:
            self._engine = LoadedEngine(self._module, Path(question["load"]))
            return {"loaded": True}
        if self._engine is None:
            raise ValueError("no engine is loaded")
        y = self._engine.run(self._given.read(tuple(question["run"])))
        self._made.write(y)
        return {"shape": list(y.shape)}


class SharedArray:
    """float32 values in a file that two processes have mapped; it grows with what is written."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._map: mmap.mmap | None = None

    def write(self, values: NDArray[np.float32]) -> None:
        """Put `values` there for the other process."""
        if os.fstat(self._descriptor).st_size < values.nbytes:
            os.ftruncate(self._descriptor, values.nbytes)
        self._view(values.shape)[...] = values

    def read(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """What the other process put there, where it lies: valid until it writes again."""
        return self._view(shape)

    def close(self) -> None:
        """Let go of the memory; arrays that were read keep it for as long as they live."""
        self._map = None
        os.close(self._descriptor)

    def _view(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        count = int(np.prod(shape))
        if self._map is None or len(self._map) < 4 * count:
            self._map = mmap.mmap(self._descriptor, os.fstat(self._descriptor).st_size)
        return np.frombuffer(self._map, np.float32, count).reshape(shape)
