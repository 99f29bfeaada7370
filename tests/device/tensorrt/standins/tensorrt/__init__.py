"""Stand-in for TensorRT's Python module, with what the version of the environment has.

The named-tensor API of 8.5 to 11, as the real module lists it; builders as NVIDIA's migration
guides describe them: explicit batch and precision flags before 10, none of either in 11.
"""

from __future__ import annotations

import ctypes
import os
import sys
from enum import IntEnum
from typing import Any

import numpy as np
import onnxruntime
import plans

__version__ = plans.version()
MAJOR = int(__version__.partition(".")[0])
float32 = "DataType.FLOAT"


class TensorIOMode(IntEnum):
    NONE, INPUT, OUTPUT = 0, 1, 2


class MemoryPoolType(IntEnum):
    WORKSPACE = 0


_FLAGS = {"FP16": 0, "INT8": 1} if MAJOR < 11 else {}
BuilderFlag = IntEnum("BuilderFlag", {**_FLAGS, "TF32": 6})  # type: ignore[misc]
_NETWORKS = {8: {"EXPLICIT_BATCH": 0}, 10: {"EXPLICIT_BATCH": 0, "STRONGLY_TYPED": 1}}
NetworkDefinitionCreationFlag = IntEnum(  # type: ignore[misc]
    "NetworkDefinitionCreationFlag", _NETWORKS.get(MAJOR, {"STRONGLY_TYPED": 1})
)


class Logger:
    ERROR, WARNING = 1, 2

    def __init__(self, severity: int) -> None:
        print("[TRT] [I] a library that prints to standard output")


class Runtime:
    def __init__(self, logger: Logger) -> None:
        pass

    def deserialize_cuda_engine(self, plan: bytes) -> Any:
        found = plans.read_plan(plan)
        if found is None:
            print(
                "[TRT] [E] IRuntime::deserializeCudaEngine: Error Code 6: version tag does not "
                "match",
                file=sys.stderr,
            )
            return None
        return Engine(*found)


class Engine:
    num_io_tensors = 2

    def __init__(self, head: dict[str, Any], onnx: bytes) -> None:
        self.head = head
        self.session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
        self.names = [self.session.get_inputs()[0].name, self.session.get_outputs()[0].name]

    def get_tensor_name(self, index: int) -> str:
        return self.names[index]

    def get_tensor_mode(self, name: str) -> TensorIOMode:
        return TensorIOMode.INPUT if name == self.names[0] else TensorIOMode.OUTPUT

    def get_tensor_dtype(self, name: str) -> str:
        return float32

    def create_execution_context(self) -> Context:
        return Context(self)


class Context:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.addresses: dict[str, int] = {}
        self.shape: tuple[int, ...] = ()

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        wanted = self.engine.session.get_inputs()[0].shape
        if any(isinstance(n, int) and n != m for n, m in zip(wanted, shape, strict=True)):
            return False
        self.shape = tuple(shape)
        return True

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        outputs = self.engine.session.get_outputs()[0].shape[1]
        return (1, outputs, *self.shape[2:])

    def set_tensor_address(self, name: str, address: int) -> None:
        self.addresses[name] = address

    def execute_async_v3(self, stream: int) -> bool:
        if not stream or self.engine.head["fault"] == "crash-on-run":
            os.abort()
        given, made = self.engine.names
        x = _at(self.addresses[given], self.shape)
        y = self.engine.session.run(None, {given: x})[0]
        if self.engine.head["fp16"]:
            y = y.astype(np.float16).astype(np.float32)
        if self.engine.head["fault"] == "other-output":
            y = y[..., ::-1]
        _at(self.addresses[made], self.get_tensor_shape(made))[...] = y
        return True


class IInt8EntropyCalibrator2:
    def __init__(self) -> None:
        pass


class Builder:
    def __init__(self, logger: Logger) -> None:
        pass

    def create_network(self, flags: int = 0) -> dict[str, Any]:
        return {"flags": flags}

    def create_builder_config(self) -> Config:
        return Config()

    def create_optimization_profile(self) -> Profile:
        return Profile()

    def build_serialized_network(self, network: dict[str, Any], config: Config) -> bytes | None:
        strong = network["flags"] == 1 << 1 if MAJOR == 10 else network["flags"] == 0
        if MAJOR >= 10 and not strong:
            return None
        if BuilderFlag.TF32 in config.flags or (network["dynamic"] and not config.profiles):
            return None
        config.cache.content += b"timed\n"
        fp16 = "FP16" in BuilderFlag.__members__ and BuilderFlag["FP16"] in config.flags
        if "INT8" in BuilderFlag.__members__ and BuilderFlag["INT8"] in config.flags:
            assert config.int8_calibrator.read_calibration_cache().startswith(b"TRT-8")
        return plans.write_plan(network["onnx"], fp16=fp16)


class Cache:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def serialize(self) -> bytes:
        return self.content


class Config:
    def __init__(self) -> None:
        self.flags = {BuilderFlag.TF32}
        self.limits: dict[MemoryPoolType, int] = {}
        self.profiles: list[Profile] = []
        self.cache = Cache(b"")
        self.int8_calibrator: Any = None

    def set_flag(self, flag: Any) -> None:
        self.flags.add(BuilderFlag(flag))

    def clear_flag(self, flag: Any) -> None:
        self.flags.discard(BuilderFlag(flag))

    def set_memory_pool_limit(self, pool: MemoryPoolType, size: int) -> None:
        self.limits[MemoryPoolType(pool)] = size

    def create_timing_cache(self, content: bytes) -> Cache:
        return Cache(content)

    def set_timing_cache(self, cache: Cache, ignore_mismatch: bool) -> None:
        assert not ignore_mismatch
        self.cache = cache

    def get_timing_cache(self) -> Cache:
        return self.cache

    def add_optimization_profile(self, profile: Profile) -> int:
        self.profiles.append(profile)
        return len(self.profiles) - 1


class Profile:
    def set_shape(self, name: str, *shapes: tuple[int, ...]) -> None:
        assert len(shapes) == 3


class OnnxParser:
    def __init__(self, network: dict[str, Any], logger: Logger) -> None:
        self.network = network
        self.num_errors = 0

    def parse(self, onnx: bytes) -> bool:
        import onnx as library

        try:
            model = library.load_model_from_string(onnx)
        except Exception:  # noqa: BLE001
            self.num_errors = 1
            return False
        dims = model.graph.input[0].type.tensor_type.shape.dim
        self.network |= {"onnx": onnx, "dynamic": any(dim.dim_param for dim in dims)}
        return True

    def get_error(self, index: int) -> str:
        return "In node -1 (parse): INVALID_GRAPH"


def _at(address: int, shape: tuple[int, ...]) -> Any:
    count = int(np.prod(shape))
    return np.ctypeslib.as_array((ctypes.c_float * count).from_address(address)).reshape(shape)
