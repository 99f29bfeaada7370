"""The process's peak memory on an engine: what a RAM budget means, and what planning counts with.

    peak = fixed + a · weights + b · packed + c · image + d · logits + e · tensors     (bytes)

- fixed: the engine's own process, what a session of any size adds, and a thread's share;
- weights: as the file holds them; packed: the same as the engine lays them out anew;
- image, logits: as float32; they are the caller's, and lie outside of the engine's memory;
- tensors: what all others occupy together. It is replayed and not fitted: the engine's own steps
  and layouts (`ort_float`, `ort_int8`, `openvino`), who takes over whose memory (`sharing`), and
  the allocator, address by address (`arena`), so e is 1 but where an allocator is not the engine's.

The constants are fitted for each engine, precision and set of options to measured processes,
which ship with the version and the machine they ran on; others, of other networks and sizes, were
held out (`benchmarks/engine_memory.py`, its figures in benchmarks/results). A forecast has an
interval that all measured processes lie in, wider where the engine's version or the machine's
instruction set is another one. A limit is compared with its upper end.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from ccnet_edge.cost.engine_memory.loads import Load, engine_load
from ccnet_edge.cost.engine_memory.model import EngineMemory, Fit, Forecast, MemoryPoint
from ccnet_edge.errors import unknown_key
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.network import NetworkSpec, Node
from ccnet_edge.spec.target import Precision

__all__ = [
    "MODELS",
    "STANDING",
    "EngineMemory",
    "Fit",
    "Forecast",
    "Load",
    "MemoryPoint",
    "engine_load",
    "forecast",
    "load_model",
    "standing",
]

# The options that planning counts on, and that stay unless measuring shows better ones. NOTE: ONNX
# Runtime's own default (level "all" with memory pattern) takes up to twice as much.
STANDING = SessionOptions(optimisation="extended", arena=True, memory_pattern=False, threads=1)
# Engine → the file of its constants and points, beside this one.
MODELS = {"onnxruntime": "onnxruntime.json", "openvino": "openvino.json"}
# Operators whose steps, layouts and scratch the replays know.
REPLAYED = frozenset({"concat", "conv", "conv_bn_relu", "input", "maxpool", "upconv"})
# Engine → others that were measured at the standing options in fp32 alone, where a sum and a
# convolution without ReLU are steps like any other (`benchmarks/memory_architectures.py`). OpenVINO
# takes more for depthwise convolutions than its replay knows.
STANDING_ALONE = {
    "onnxruntime": frozenset({"add", "add_relu", "conv_bn", "depthwise_bn_relu"}),
    "openvino": frozenset({"add", "add_relu", "conv_bn"}),
}
# What another version of the engine, or another instruction set, may change, as a share.
UNSEEN = 0.10


def standing(engine: str) -> SessionOptions:
    """The options of `engine` that planning counts on."""
    return replace(STANDING, engine=engine)


def forecast(
    spec: NetworkSpec,
    *,
    height: int,
    width: int,
    precision: Precision = "fp32",
    options: SessionOptions = STANDING,
    machine: str | None = None,
) -> Forecast | None:
    """The peak of the process that runs `spec` at `height` × `width`, before anything exists.

    Args:
        spec: the network.
        height: of its input.
        width: of its input.
        precision: of the file.
        options: the engine and how it is set up.
        machine: the target's instruction set; None for the one that was measured on.

    Returns:
        The forecast; None where no constants were fitted for the precision and options, or the
        network has operators whose steps in the engine nobody has replayed.

    Raises:
        UsageError: an engine without a model, or a size that the output stride does not divide.
    """
    model = load_model(options.engine)
    fit = model.fit(precision, options)
    known = replayed(precision, options)
    if fit is None or not all(_is_replayed(node, known) for node in spec.nodes):
        return None
    load = engine_load(spec, height=height, width=width, precision=precision, options=options)
    peak = fit.peak_bytes(load, threads=options.threads)
    note = _unseen(model, machine)
    unseen = UNSEEN if note else 0.0
    return Forecast(
        peak_bytes=round(peak),
        least_bytes=round(peak * (fit.least - unseen)),
        most_bytes=round(peak * (fit.most + unseen)),
        note=note,
    )


@lru_cache
def load_model(engine: str) -> EngineMemory:
    """The memory model of `engine` with its measured points.

    Raises:
        UsageError: an engine without a model.
    """
    if engine not in MODELS:
        raise unknown_key("engine with a memory model", engine, MODELS)
    return serial.load(EngineMemory, Path(__file__).with_name(MODELS[engine]))


def replayed(precision: Precision, options: SessionOptions) -> frozenset[str]:
    """The operators that a forecast in `precision` at `options` can be made for."""
    stands = replace(options, threads=1) == standing(options.engine)
    more = STANDING_ALONE.get(options.engine) if precision == "fp32" and stands else None
    return REPLAYED | (more or frozenset())


def _is_replayed(node: Node, known: frozenset[str]) -> bool:
    return node.op in known and node.dilation == 1 and node.padding == "same"


def _unseen(model: EngineMemory, machine: str | None) -> str:
    """What differs from what was measured, for people; empty where nothing is known to."""
    version, fitted_on = _installed(model.engine), model.environment.machine
    differs = []
    if version and version != model.version:
        differs.append(f"{model.engine} {model.version}, this is {version}")
    if machine and machine != fitted_on:
        differs.append(f"{fitted_on}, the target is {machine}")
    return f"fitted on {' and on '.join(differs)}" if differs else ""


@lru_cache
def _installed(engine: str) -> str:
    """The version of the engine's distribution here, which has its name; empty without one."""
    try:
        return metadata.version(engine)
    except metadata.PackageNotFoundError:
        return ""
