"""What a network asks of an engine under its options, in bytes: the terms of a memory model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ccnet_edge.cost.counts import stored_values
from ccnet_edge.cost.engine_memory.openvino import block_bytes, openvino_program
from ccnet_edge.cost.engine_memory.ort_float import float_program
from ccnet_edge.cost.engine_memory.ort_int8 import int8_program
from ccnet_edge.cost.engine_memory.sharing import live_bytes, resident_bytes
from ccnet_edge.cost.engine_memory.steps import Program
from ccnet_edge.errors import unknown_key
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.target import Precision

FLOAT = 4
# Channels a block at ONNX Runtime's level "all": AVX-512's, and the largest there is.
BLOCK = 16
BYTES: dict[Precision, int] = {"fp32": 4, "fp16": 2, "int8": 1}


@dataclass(frozen=True, kw_only=True)
class Load:
    """Terms in bytes.

    Weights as the file holds them, weights laid out anew, image and logits as float32, and what
    the tensors between them occupy together, replayed as the engine places them.
    """

    weights_bytes: int
    packed_bytes: int
    image_bytes: int
    logits_bytes: int
    tensors_bytes: int


def engine_load(
    spec: NetworkSpec, *, height: int, width: int, precision: Precision, options: SessionOptions
) -> Load:
    """What `spec` asks of the engine that `options` name.

    Raises:
        UsageError: an engine that is not in `LOADS`, or a size that the output stride does not
            divide.
    """
    if options.engine not in LOADS:
        raise unknown_key("engine with a memory model", options.engine, LOADS)
    packed, tensors = LOADS[options.engine](spec, height, width, precision, options)
    return Load(
        weights_bytes=BYTES[precision] * stored_values(spec),
        packed_bytes=packed,
        image_bytes=FLOAT * spec.in_channels * height * width,
        logits_bytes=FLOAT * spec.outputs * height * width,
        tensors_bytes=tensors,
    )


def _onnxruntime(
    spec: NetworkSpec, height: int, width: int, precision: Precision, options: SessionOptions
) -> tuple[int, int]:
    program = onnxruntime_program(
        spec, height=height, width=width, precision=precision, options=options
    )
    if options.arena:
        return program.packed_bytes, resident_bytes(program, pattern=options.memory_pattern)
    return program.packed_bytes, live_bytes(program)


def onnxruntime_program(
    spec: NetworkSpec, *, height: int, width: int, precision: Precision, options: SessionOptions
) -> Program:
    """ONNX Runtime's steps at the level of `options`."""
    blocked = options.optimisation == "all"
    if precision == "int8":
        return int8_program(spec, height=height, width=width, channels_last=blocked)
    return float_program(
        spec,
        height=height,
        width=width,
        block=BLOCK if blocked else 0,
        threads=options.threads,
    )


def _openvino(
    spec: NetworkSpec, height: int, width: int, precision: Precision, _options: SessionOptions
) -> tuple[int, int]:
    program = openvino_program(spec, height=height, width=width, precision=precision)
    return program.packed_bytes, block_bytes(program)


# Engine → (network, height, width, precision, options) to packed and tensors' bytes.
LOADS: dict[str, Callable[[NetworkSpec, int, int, Precision, SessionOptions], tuple[int, int]]] = {
    "onnxruntime": _onnxruntime,
    "openvino": _openvino,
}
