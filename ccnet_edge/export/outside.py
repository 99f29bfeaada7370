"""An ONNX file that was not trained here: hostile until it was checked.

Nothing outside of the file is read, nothing is run before the graph was checked, and what is not a
segmentation network with one image and one result is refused with what was found.
"""

from __future__ import annotations

from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import ModelProto, TensorProto, ValueInfoProto

from ccnet_edge.errors import UsageError
from ccnet_edge.spec.bundle import MAX_CHANNELS, MAX_INPUT_PIXELS
from ccnet_edge.spec.target import Precision

MAX_BYTES = 2**30
# The first IR version in which a weight need not be an input.
WEIGHTS_APART = 4
DOES = "a network with one float32 image [1, C, H, W] and one such result was wanted"


def read_outside(path: Path) -> ModelProto:
    """The network in the ONNX file at `path`, checked.

    Raises:
        UsageError: too large, no ONNX, weights outside of the file, a graph that is not valid, or
            other inputs and outputs than one image and one result.
    """
    if not path.is_file() or path.stat().st_size > MAX_BYTES:
        raise UsageError(f"{path}: an ONNX file of at most {MAX_BYTES} bytes was wanted")
    model = ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
    except (DecodeError, RecursionError) as error:
        raise UsageError(f"{path}: not an ONNX file: {error}") from error
    outside = [w.name for w in model.graph.initializer if w.data_location == TensorProto.EXTERNAL]
    if outside:
        raise UsageError(
            f"{path}: weights in the file were wanted, {outside[0]} and {len(outside) - 1} more "
            "are outside of it",
            hint="save it whole: onnx.save(model, file, save_as_external_data=False)",
        )
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise UsageError(f"{path}: not a valid ONNX graph: {str(error).splitlines()[0]}") from error
    _take_weights_out_of_inputs(model)
    inputs, outputs = model.graph.input, model.graph.output
    if len(inputs) != 1 or len(outputs) != 1:
        raise UsageError(f"{path}: {DOES}, found {len(inputs)} inputs and {len(outputs)} outputs")
    for value in (inputs[0], outputs[0]):
        _check_end(value, path)
    return model


def fixed_size(model: ModelProto, path: Path) -> tuple[int, int, int, int]:
    """The input's [1, C, H, W].

    Raises:
        UsageError: one of them is not fixed, or no image has it.
    """
    n, c, h, w = _given_size(model)
    if n != 1 or not 0 < c <= MAX_CHANNELS or not 0 < h * w <= MAX_INPUT_PIXELS:
        raise UsageError(
            f"{path}: an input [1, C, H, W] of fixed size was wanted, found {[n, c, h, w]} "
            "(0 is an open size)",
            hint="export it for one image of one size",
        )
    return n, c, h, w


def image_size(
    model: ModelProto, path: Path, *, size: tuple[int, int] | None
) -> tuple[int, int, int]:
    """The image's [C, H, W]: what the file fixes, and `size` (height, width) where it is open.

    Raises:
        UsageError: a size that is open and not given, or fixed to another; open channels.
    """
    n, c, *fixed = _given_size(model)
    if n > 1 or not 0 < c <= MAX_CHANNELS:
        raise UsageError(f"{path}: {DOES}, found an input {[n, c, *fixed]} (0 is an open size)")
    if size is None and 0 in fixed:
        raise UsageError(
            f"{path}: its input's size is open ({fixed[0] or '?'} × {fixed[1] or '?'})",
            hint="say which one with --size, such as 512 or 384x512",
        )
    height, width = size or fixed
    if any(f not in (0, s) for f, s in zip(fixed, (height, width), strict=True)):
        raise UsageError(
            f"--size: the file's input is fixed to {fixed[0]} × {fixed[1]} pixels, "
            f"{height} × {width} were wanted"
        )
    if not 0 < height * width <= MAX_INPUT_PIXELS:
        raise UsageError(f"{path}: no image has {height} × {width} pixels")
    return c, height, width


def precision_of(model: ModelProto) -> Precision:
    """What the network computes in, by its operators and weights."""
    if any(
        "QuantizeLinear" in node.op_type or "Integer" in node.op_type for node in model.graph.node
    ):
        return "int8"
    half = any(weight.data_type == TensorProto.FLOAT16 for weight in model.graph.initializer)
    return "fp16" if half else "fp32"


def _given_size(model: ModelProto) -> list[int]:
    """The input's [N, C, H, W], 0 where it is open."""
    return [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]


def _take_weights_out_of_inputs(model: ModelProto) -> None:
    """Before IR version 4 weights had to be inputs as well."""
    weights = {weight.name for weight in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    if len(inputs) < len(model.graph.input):
        del model.graph.input[:]
        model.graph.input.extend(inputs)
        model.ir_version = max(model.ir_version, WEIGHTS_APART)


def _check_end(value: ValueInfoProto, path: Path) -> None:
    kind = value.type.tensor_type
    if kind.elem_type != TensorProto.FLOAT or len(kind.shape.dim) != 4:
        name = TensorProto.DataType.Name(kind.elem_type)
        raise UsageError(
            f"{path}: {DOES}, found {value.name!r} of {name} with {len(kind.shape.dim)} dimensions"
        )
