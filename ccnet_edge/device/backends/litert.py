"""LiteRT on the processor, by XNNPACK, which its interpreter takes by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.device.backends.isolated import ShapedSession, open_anywhere
from ccnet_edge.device.backends.shapes import check_ends, check_input
from ccnet_edge.errors import BundleRefusedError, DeviceError
from ccnet_edge.spec.artifact import SessionOptions

NAME = "LiteRT"


class LiteRtSession:
    """A .tflite model; one float32 input [1, C, H, W], one output of the same kind."""

    def __init__(self, interpreter: Any) -> None:
        self._interpreter = interpreter
        inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
        ends = [(str(np.dtype(end["dtype"])), tuple(map(int, end["shape"]))) for end in inputs]
        made = [(str(np.dtype(end["dtype"])), tuple(map(int, end["shape"]))) for end in outputs]
        self.shape = check_ends(ends, made)
        self._input, self._output = inputs[0]["index"], outputs[0]["index"]

    def run(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits [1, outputs, H, W] float32.

        Raises:
            DeviceError: the engine refuses the input, by shape or type, or fails.
        """
        check_input(NAME, x, self.shape)
        try:
            self._interpreter.set_tensor(self._input, x)
            self._interpreter.invoke()
            logits: NDArray[np.float32] = self._interpreter.get_tensor(self._output)
        except (RuntimeError, ValueError) as error:
            raise DeviceError(f"{NAME} failed: {error}") from error
        return logits

    def close(self) -> None:
        """Give the interpreter's memory back."""
        self._interpreter = None


def open_litert(model: Path | bytes, options: SessionOptions) -> ShapedSession:
    """The .tflite model in a file or in memory; see `backends.open_session`."""
    return open_anywhere(_open, model, options)


def _open(model: Path | bytes, options: SessionOptions) -> LiteRtSession:
    from ai_edge_litert.interpreter import Interpreter

    content = model.read_bytes() if isinstance(model, Path) else model
    try:
        interpreter = Interpreter(model_content=content, num_threads=options.threads)
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise BundleRefusedError(
            f"{NAME} could not load the model: {error}",
            hint="the file is no .tflite model, or needs a newer ai-edge-litert",
        ) from error
    return LiteRtSession(interpreter)
