"""TensorRT: an engine that was built on this device, run in a process of its own.

The model file is the ONNX graph that the engine was built from; the engine itself never travels.
A crash of the library, which a bad engine file causes, is an error here and no end of the program.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.device.environment import device_command
from ccnet_edge.device.tensorrt.client import EngineProcess
from ccnet_edge.device.tensorrt.engine import is_installed, not_installed
from ccnet_edge.device.tensorrt.kept import find_engine
from ccnet_edge.device.tensorrt.recipe import read_recipe
from ccnet_edge.errors import DeviceError
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.tensorrt import EngineDevice

# The device wing's command that serves engines.
SERVE = "trt-serve"


class TensorRTSession:
    """A network in a TensorRT engine; one float32 input [N, C, H, W], one output of the kind."""

    def __init__(self, process: EngineProcess) -> None:
        self._process = process

    @property
    def device(self) -> EngineDevice:
        """The GPU and the versions that it runs on."""
        return self._process.device

    @property
    def pid(self) -> int:
        """The process that holds the engine, whose memory is the network's."""
        return self._process.pid

    def run(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits [1, outputs, H, W] float32.

        Raises:
            DeviceError: the engine refuses the input, by shape or type, crashes or hangs.
        """
        if x.ndim != 4 or x.dtype != np.float32:
            raise DeviceError(
                f"TensorRT wants an input [1, C, H, W] of float32, found {list(x.shape)} of "
                f"{x.dtype}"
            )
        return self._process.run(x)

    def close(self) -> None:
        """End the process."""
        self._process.close()


def open_tensorrt(model: Path | bytes, options: SessionOptions) -> TensorRTSession:
    """The engine that was built here for a model; see `backends.open_session`.

    Raises:
        BundleRefusedError: the file was not prepared for TensorRT.
        DeviceError: no engine was built here, it did not pass, or TensorRT does not run.
    """
    del options  # threads, arena and the like are ONNX Runtime's
    content = model if isinstance(model, bytes) else model.read_bytes()
    read_recipe(content)
    process = start_process()
    try:
        engine, _ = find_engine(process.device, hashlib.sha256(content).hexdigest())
        process.load(engine)
    except BaseException:
        process.close()
        raise
    return TensorRTSession(process)


def start_process() -> EngineProcess:
    """TensorRT in a process of its own, nothing loaded.

    Raises:
        MissingExtraError: TensorRT's Python module is not installed.
        DeviceError: it does not start, or there is no GPU.
    """
    if not is_installed():
        raise not_installed()
    return EngineProcess([*device_command(), SERVE])
