"""ONNX Runtime on the processor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as states

from ccnet_edge.errors import BundleRefusedError, DeviceError
from ccnet_edge.spec.artifact import SessionOptions

LEVELS = {
    "disabled": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "basic": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "all": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
}
# What ONNX Runtime raises for a file that is no model, or none that this version can run.
NOT_A_MODEL = (
    states.InvalidProtobuf,
    states.InvalidGraph,
    states.NoModel,
    states.NoSuchFile,
    states.NotImplemented,
    states.InvalidArgument,
    states.Fail,
)
FAILED = (*NOT_A_MODEL, states.RuntimeException, states.EPFail, states.EngineError)
# Warnings of graph optimisers are not for the person who runs a bundle; errors are raised.
LOG_ERRORS = 3


class OnnxRuntimeSession:
    """A network on ONNX Runtime; one float32 input [N, C, H, W], one output of the same kind."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._input, self._output = _ends(session)

    def run(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits [1, outputs, H, W] float32.

        Raises:
            DeviceError: the engine refuses the input, by shape or type, or fails.
        """
        with _failures(f"ONNX Runtime failed on an input {list(x.shape)} of {x.dtype}"):
            logits: NDArray[np.float32] = self._session.run([self._output], {self._input: x})[0]
        return logits

    def close(self) -> None:
        """Give the engine's memory back."""
        self._session = None


def open_onnxruntime(model: Path | bytes, options: SessionOptions) -> OnnxRuntimeSession:
    """The ONNX model in a file or in memory; see `backends.open_session`."""
    wanted = onnxruntime.SessionOptions()
    wanted.graph_optimization_level = LEVELS[options.optimisation]
    wanted.enable_cpu_mem_arena = options.arena
    wanted.enable_mem_pattern = options.memory_pattern
    wanted.intra_op_num_threads = options.threads
    wanted.inter_op_num_threads = 1
    wanted.log_severity_level = LOG_ERRORS
    name = str(model) if isinstance(model, Path) else "the model"
    source = str(model) if isinstance(model, Path) else model
    try:
        with _failures(f"ONNX Runtime could not load {name}"):
            session = onnxruntime.InferenceSession(
                source, wanted, providers=["CPUExecutionProvider"]
            )
    except DeviceError as error:
        if isinstance(error.__cause__, NOT_A_MODEL):
            raise BundleRefusedError(
                error.message,
                hint="the file is no ONNX model, or needs a newer onnxruntime than "
                f"{onnxruntime.__version__}",
            ) from error
        raise
    return OnnxRuntimeSession(session)


def _ends(session: Any) -> tuple[str, str]:
    """The names of the one input and the one output."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    found = [f"{end.type} {end.shape}" for end in (*inputs, *outputs)]
    kinds = [(end.type, len(end.shape)) for end in (*inputs, *outputs)]
    if len(inputs) != 1 or kinds != [("tensor(float)", 4)] * 2:
        raise BundleRefusedError(
            "a segmentation model with one float32 input [N, C, H, W] and one such output was "
            f"wanted, found {len(inputs)} inputs and {len(outputs)} outputs: {', '.join(found)}"
        )
    return inputs[0].name, outputs[0].name


@contextmanager
def _failures(what: str) -> Iterator[None]:
    try:
        yield
    except FAILED as error:
        raise DeviceError(f"{what}: {error}") from error
