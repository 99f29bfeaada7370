"""fp16 and int8 in the graph for TensorRT 10 and 11, and the scales of TensorRT 8's INT8 cache.

Symmetric all through: zero points are 0, since TensorRT takes no others. Weights are int8 by
channel; biases stay fp32, since TensorRT has no int32 DequantizeLinear (NVIDIA, "Working with
Quantized Types"). Convolutions' inputs are quantised, and nothing else: TensorRT moves the
quantisation over pooling and concatenation by itself.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto

from ccnet_edge.errors import DataError
from ccnet_edge.export.onnx import INPUT
from ccnet_edge.export.options import Inputs
from ccnet_edge.spec.tensorrt import TensorScale

QUANTISED = ["Conv", "ConvTranspose"]
INT8_MAX = 127
# A tensor that is zero for every image still needs a scale.
SMALLEST_SCALE = 1e-8


def to_fp16(model: ModelProto) -> ModelProto:
    """The graph in fp16 between a float32 input and a float32 output."""
    from onnxconverter_common import float16

    converted: ModelProto = float16.convert_float_to_float16(model, keep_io_types=True)
    return converted


def quantised(model: ModelProto, images: Inputs) -> ModelProto:
    """The graph with Q and DQ before every convolution, ranges by `images`.

    Raises:
        DataError: no images.
    """
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    _check_some(images)
    with tempfile.TemporaryDirectory(prefix="ccnet-") as name, _quiet():
        plain, out = Path(name) / "plain.onnx", Path(name) / "quantised.onnx"
        onnx.save(model, plain)
        quantize_static(
            str(plain),
            str(out),
            _Reader(images),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=QUANTISED,
            per_channel=True,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            extra_options={
                "ActivationSymmetric": True,
                "WeightSymmetric": True,
                "QuantizeBias": False,
                "OpTypesToExcludeOutputQuantization": QUANTISED,
            },
        )
        made = onnx.load(out)
    del made.graph.value_info[:]
    made.producer_name, made.producer_version = model.producer_name, model.producer_version
    return made


def tensor_scales(model: ModelProto, images: Inputs) -> tuple[TensorScale, ...]:
    """A scale for the input and every tensor that is made: the largest |value| over 127.

    Raises:
        DataError: no images, or values that are not finite.
    """
    import onnxruntime

    _check_some(images)
    shown = ModelProto()
    shown.CopyFrom(onnx.shape_inference.infer_shapes(model))
    known = {v.name: v for v in (*shown.graph.value_info, *shown.graph.output)}
    made = [name for node in shown.graph.node for name in node.output if name]
    floats = [n for n in made if _is_float(known.get(n))]
    del shown.graph.output[:]
    shown.graph.output.extend([known[name] for name in floats])
    session = onnxruntime.InferenceSession(shown.SerializeToString())
    largest = dict.fromkeys([INPUT, *floats], 0.0)
    for x in images:
        largest[INPUT] = max(largest[INPUT], float(np.abs(x).max()))
        for name, values in zip(floats, session.run(floats, {INPUT: x}), strict=True):
            largest[name] = max(largest[name], float(np.abs(values).max()))
    wrong = [name for name, value in largest.items() if not np.isfinite(value)]
    if wrong:
        raise DataError(f"{wrong[0]}: finite values were wanted to calibrate int8")
    return tuple(
        TensorScale(tensor=name, scale=max(value / INT8_MAX, SMALLEST_SCALE))
        for name, value in largest.items()
    )


class _Reader:
    """Images as onnxruntime.quantization takes them."""

    def __init__(self, images: Inputs) -> None:
        self._images: Iterator[NDArray[np.float32]] = iter(images)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        x = next(self._images, None)
        return None if x is None else {INPUT: np.ascontiguousarray(x)}


def _is_float(value: Any) -> bool:
    return value is not None and value.type.tensor_type.elem_type == TensorProto.FLOAT


def _check_some(images: Inputs) -> None:
    if next(iter(images), None) is None:
        raise DataError("at least one image was wanted to calibrate int8, found none")


class _quiet:  # noqa: N801
    """onnxruntime.quantization's advice on standard output's logger is not for people."""

    def __enter__(self) -> None:
        self._level = logging.getLogger().level
        logging.getLogger().setLevel(logging.ERROR)

    def __exit__(self, *_: object) -> None:
        logging.getLogger().setLevel(self._level)
