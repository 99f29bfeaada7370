"""Building an engine by TensorRT's Python API; a process of its own, as builders crash and leak.

TensorRT 8 takes flags and a calibrator, 10 a network that is created strongly typed, 11 has no
other kind (NVIDIA's migration guides, "Python API 8.x to 10.x" and "10.x to 11.x").
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ccnet_edge.device.tensorrt import versions
from ccnet_edge.device.tensorrt.builders import ENGINE, INT8_CACHE, RECIPE
from ccnet_edge.device.tensorrt.command import check_version
from ccnet_edge.device.tensorrt.engine import load_tensorrt
from ccnet_edge.device.tensorrt.versions import Version
from ccnet_edge.errors import DeviceError
from ccnet_edge.spec import serial
from ccnet_edge.spec.tensorrt import EngineRecipe


def build_here(model: Path, folder: Path, timing_cache: Path) -> Path:
    """Build `folder`'s recipe from the ONNX file `model`.

    Raises:
        DeviceError: TensorRT refused the graph, or could not build it.
    """
    recipe = serial.load(EngineRecipe, folder / RECIPE)
    trt = load_tensorrt()
    version = versions.parse_version(trt.__version__)
    check_version(recipe, version)
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    network = builder.create_network(_network_flags(trt, version))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(model.read_bytes()):
        problems = "; ".join(str(parser.get_error(i)) for i in range(parser.num_errors))
        raise DeviceError(f"TensorRT {trt.__version__} does not take the graph: {problems}")
    config = builder.create_builder_config()
    _set_limits(trt, config, recipe)
    _set_precision(trt, config, recipe, folder / INT8_CACHE)
    _set_profile(builder, config, recipe)
    held = timing_cache.read_bytes() if timing_cache.is_file() else b""
    config.set_timing_cache(config.create_timing_cache(held), ignore_mismatch=False)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise DeviceError(f"TensorRT {trt.__version__} could not build the engine")
    serial.write_bytes(timing_cache, bytes(config.get_timing_cache().serialize()))
    return serial.write_bytes(folder / ENGINE, bytes(plan))


def _network_flags(trt: Any, version: Version) -> int:
    flags = trt.NetworkDefinitionCreationFlag
    if version < versions.TYPED:
        return int(1 << int(flags.EXPLICIT_BATCH))
    return int(1 << int(flags.STRONGLY_TYPED)) if version < versions.ALWAYS_TYPED else 0


def _set_limits(trt: Any, config: Any, recipe: EngineRecipe) -> None:
    if recipe.workspace_bytes is None:
        return
    if hasattr(config, "set_memory_pool_limit"):
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, recipe.workspace_bytes)
    else:
        config.max_workspace_size = recipe.workspace_bytes


def _set_precision(trt: Any, config: Any, recipe: EngineRecipe, cache: Path) -> None:
    config.clear_flag(trt.BuilderFlag.TF32)
    if not recipe.by_flags:
        return
    config.set_flag(trt.BuilderFlag.FP16)
    if recipe.scales:
        config.set_flag(trt.BuilderFlag.INT8)
        config.int8_calibrator = _calibrator(trt, cache.read_bytes())


def _set_profile(builder: Any, config: Any, recipe: EngineRecipe) -> None:
    if not recipe.dynamic:
        return
    profile = builder.create_optimization_profile()
    profile.set_shape(recipe.input, recipe.smallest, recipe.likeliest, recipe.largest)
    config.add_optimization_profile(profile)


def _calibrator(trt: Any, cache: bytes) -> Any:
    """A calibrator that answers from a cache alone; it never sees an image."""

    class FromCache(trt.IInt8EntropyCalibrator2):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()

        def get_batch_size(self) -> int:
            return 1

        def get_batch(self, names: list[str]) -> None:
            del names

        def read_calibration_cache(self) -> bytes:
            return cache

        def write_calibration_cache(self, cache: bytes) -> None:
            """TensorRT writes what it has read."""

    return FromCache()
