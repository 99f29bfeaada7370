"""An engine in this very process, by TensorRT's own Python API. Run it in `process` alone.

The named-tensor API, the same from TensorRT 8.5 to 11: `set_input_shape`, `set_tensor_address`,
`execute_async_v3`. A damaged engine file ends the process.
"""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.device.tensorrt.cuda import Cuda, describe_gpu
from ccnet_edge.device.tensorrt.versions import NAMED_TENSORS, parse_version, text_of
from ccnet_edge.errors import DeviceError, MissingExtraError
from ccnet_edge.spec.tensorrt import EngineDevice

# The lean runtime runs engines that were built version compatible, and refuses others.
LIBRARIES = ("tensorrt", "tensorrt_lean")
FLOAT_BYTES = 4


def load_tensorrt() -> Any:
    """TensorRT's Python module.

    Raises:
        MissingExtraError: it is not installed.
        DeviceError: it is older than the API that engines are run with.
    """
    for name in LIBRARIES:
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        version = parse_version(module.__version__)
        if version < NAMED_TENSORS:
            raise DeviceError(
                f"TensorRT {text_of(NAMED_TENSORS)} or newer was wanted to run engines from "
                f"Python, found {module.__version__}",
                hint="ONNX Runtime runs the same model; build_engine.sh builds an engine for C++",
            )
        return module
    raise not_installed()


def is_installed() -> bool:
    """A module of TensorRT can be imported here, without doing so."""
    return any(find_spec(name) is not None for name in LIBRARIES)


def not_installed() -> MissingExtraError:
    """The error for a machine without TensorRT's Python module."""
    return MissingExtraError(
        "TensorRT's Python module is not installed",
        hint="on a Jetson: apt install python3-libnvinfer, and make the environment with "
        "--system-site-packages; elsewhere: pip install tensorrt",
    )


def describe_device(module: Any) -> EngineDevice:
    """This GPU and these versions: what an engine belongs to."""
    gpu, capability, driver = describe_gpu()
    return EngineDevice(
        gpu=gpu,
        compute_capability=capability,
        tensorrt=module.__version__,
        cuda=Cuda().version(),
        driver=driver,
    )


class LoadedEngine:
    """A deserialised engine with one float32 input [1, C, H, W] and one such output."""

    def __init__(self, module: Any, path: Path) -> None:
        self._cuda = Cuda()
        self._stream = self._cuda.stream()
        self._logger = module.Logger(module.Logger.ERROR)
        self._runtime = module.Runtime(self._logger)
        self._engine = self._runtime.deserialize_cuda_engine(path.read_bytes())
        if self._engine is None:
            raise DeviceError(f"{path}: TensorRT {module.__version__} does not take this engine")
        self._context = self._engine.create_execution_context()
        if self._context is None:
            raise DeviceError(f"{path}: TensorRT gave no context: there is too little memory")
        self._input, self._output = _ends(module, self._engine)
        self._buffers: dict[str, tuple[int, int]] = {}

    def run(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits [1, outputs, H, W] float32 for [1, C, H, W] float32.

        Raises:
            DeviceError: a size outside of the engine's profile, or CUDA failed.
        """
        context = self._context
        if not context.set_input_shape(self._input, x.shape):
            raise DeviceError(f"the engine does not take an input {list(x.shape)}")
        shape = tuple(int(n) for n in context.get_tensor_shape(self._output))
        if len(shape) != 4 or min(shape) < 1:
            raise DeviceError(f"the engine does not know its output's shape: {list(shape)}")
        y = np.empty(shape, np.float32)
        given = self._buffer(self._input, x.nbytes)
        made = self._buffer(self._output, y.nbytes)
        context.set_tensor_address(self._input, given)
        context.set_tensor_address(self._output, made)
        self._cuda.upload(given, x.ctypes.data, x.nbytes, self._stream)
        if not context.execute_async_v3(self._stream):
            raise DeviceError("TensorRT could not start the engine")
        self._cuda.download(y.ctypes.data, made, y.nbytes, self._stream)
        self._cuda.wait(self._stream)
        return y

    def _buffer(self, name: str, size: int) -> int:
        """Memory on the GPU for a tensor, as large as it ever had to be."""
        pointer, held = self._buffers.get(name, (0, 0))
        if held < size:
            if pointer:
                self._cuda.free(pointer)
            pointer = self._cuda.allocate(size)
            self._buffers[name] = (pointer, size)
        return pointer


def _ends(module: Any, engine: Any) -> tuple[str, str]:
    """The names of the one input and the one output."""
    names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
    inputs = [n for n in names if engine.get_tensor_mode(n) == module.TensorIOMode.INPUT]
    outputs = [n for n in names if n not in inputs]
    types = {engine.get_tensor_dtype(name) for name in names}
    if len(inputs) != 1 or len(outputs) != 1 or types != {module.float32}:
        raise DeviceError(
            f"an engine with one float32 input and one such output was wanted, found inputs "
            f"{inputs} and outputs {outputs} of {sorted(map(str, types))}"
        )
    return inputs[0], outputs[0]
