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

from ccnet_edge.device.backends.archives import model_name
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
# Where a file of the ORT format for x86 says how many bits the vectors have that its weights are
# laid out for: ONNX Runtime takes 8 channels a block without AVX-512 and 16 with it, and does not
# look whether a file was made for the other.
VECTORS = "ccnet_edge.vector_bits"


class OnnxRuntimeSession:
    """A network on ONNX Runtime; one float32 input [N, C, H, W], one output of the same kind."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._input, self._output = _ends(session)
        sides = session.get_inputs()[0].shape
        self.shape = tuple(side if isinstance(side, int) else 0 for side in sides)

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
    if sums_overflow(processor_flags()):
        # Trades speed for the sums that were calibrated.
        wanted.add_session_config_entry("session.x64quantprecision", "1")
    name = model_name(model)
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
    _check_vectors(session, name)
    return OnnxRuntimeSession(session)


def processor_flags() -> frozenset[str]:
    """What Linux says that this x86 processor can; none where it is another, or does not say."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return frozenset()
    lines = (line for line in text.splitlines() if line.startswith("flags"))
    return frozenset(next(lines, "").split())


def sums_overflow(flags: frozenset[str]) -> bool:
    """Whether ONNX Runtime may add two int8 products in 16 bits on a processor with `flags`.

    With VNNI it does not, yet it would leave that for its slower kernels where it is asked to be
    careful (`MlasPlatformU8S8Overflow` is true of every x86 with AVX2). Others than x86 ignore it.
    """
    return not flags & {"avx512_vnni", "avx_vnni"}


def vector_bits() -> int:
    """How wide this x86 processor's vectors are; 0 where it is none, or does not say."""
    flags = processor_flags()
    return 512 if "avx512f" in flags else 256 if flags else 0


def _check_vectors(session: Any, name: str) -> None:
    wanted = session.get_modelmeta().custom_metadata_map.get(VECTORS)
    if wanted is not None and wanted != str(vector_bits()):
        raise BundleRefusedError(
            f"{name}: its weights are laid out for vectors of {wanted} bits, this processor's have "
            f"{vector_bits() or 'another width'}",
            hint="export it on a processor like this one, or ship the format onnx",
        )


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
