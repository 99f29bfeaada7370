"""A graph against what a version of TensorRT takes: every node that it does not, and why."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, numpy_helper

from ccnet_edge.device.tensorrt.versions import Version, text_of
from ccnet_edge.errors import UsageError, closest
from ccnet_edge.export.tensorrt_operators import Taken, taken_by

KINDS = {
    TensorProto.FLOAT: "fp32",
    TensorProto.DOUBLE: "fp64",
    TensorProto.FLOAT16: "fp16",
    TensorProto.BFLOAT16: "bf16",
    TensorProto.INT8: "int8",
    TensorProto.UINT8: "uint8",
    TensorProto.INT32: "int32",
    TensorProto.INT64: "int64",
    TensorProto.BOOL: "bool",
}
# TensorRT 8 reads int64 as int32, and all versions fp64 as fp32.
READ_AS_8 = {"int64": "int32", "fp64": "fp32"}
READ_AS_10 = {"fp64": "fp32"}
# The input whose type is the operator's, where it is not the first.
MAIN_INPUT = {"Where": 1}
RESIZE_MODES = ("nearest", "linear")
RESIZE_COORDINATES = (
    "half_pixel", "pytorch_half_pixel", "tf_half_pixel_for_nn", "asymmetric", "align_corners",
)  # fmt: skip
RESIZE_NEAREST = ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil")
MOST_PROBLEMS = 20


def check_graph(model: ModelProto, version: Version) -> None:
    """Refuse a graph that holds anything that TensorRT `version` does not take.

    Raises:
        UsageError: names every such node, and the reason.
    """
    problems = list(problems_of(model, version))
    if problems:
        listed = "".join(f"\n  - {problem}" for problem in problems[:MOST_PROBLEMS])
        more = len(problems) - MOST_PROBLEMS
        listed += f"\n  - and {more} more" if more > 0 else ""
        raise UsageError(
            f"TensorRT {text_of(version)} does not take this graph:{listed}",
            hint="use another architecture or version (--tensorrt), or --format onnx",
        )


def problems_of(model: ModelProto, version: Version) -> Iterator[str]:
    """Everything in a graph that TensorRT `version` does not take."""
    taken = taken_by(version)
    opset = max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=0)
    if opset > taken.opset:
        yield f"opset {opset}, at most {taken.opset} is known there"
    if model.ir_version > taken.ir_version:
        yield f"IR version {model.ir_version}, at most {taken.ir_version} is known there"
    if model.functions:
        yield "model-local functions"
    graph = _Graph(model)
    for node in model.graph.node:
        for reason in _reasons(node, graph, taken):
            yield f"node {node.name or node.output[0]!r} ({node.op_type}): {reason}"


class _Graph:
    """Constants and types of a graph's tensors."""

    def __init__(self, model: ModelProto) -> None:
        graph = onnx.shape_inference.infer_shapes(model).graph
        self.constants = {w.name: w for w in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant" and node.attribute[0].HasField("t"):
                self.constants[node.output[0]] = node.attribute[0].t
        self.types = {w.name: w.data_type for w in self.constants.values()}
        self.ranks: dict[str, int] = {}
        for value in (*graph.value_info, *graph.input, *graph.output):
            self.types[value.name] = value.type.tensor_type.elem_type
            self.ranks[value.name] = len(value.type.tensor_type.shape.dim)


def _reasons(node: NodeProto, graph: _Graph, taken: Taken) -> Iterator[str]:
    if node.domain not in ("", "ai.onnx"):
        yield f"the domain {node.domain} is not ONNX's own"
        return
    if node.op_type not in taken.types:
        hint = closest(node.op_type, taken.types)
        yield "this operator is not taken" + (f" ({hint})" if hint and "?" not in hint else "")
        return
    allowed = taken.types[node.op_type]
    for kind in sorted(_kinds(node, graph, taken) - allowed):
        yield f"values of {kind}, it takes {', '.join(sorted(allowed))}"
    for place in taken.constants.get(node.op_type, ()):
        if len(node.input) > place and node.input[place] not in ("", *graph.constants):
            yield f"input {place} ({node.input[place]}) has to be a constant"
    yield from RULES.get(node.op_type, _nothing)(node, graph, taken)


def _kinds(node: NodeProto, graph: _Graph, taken: Taken) -> set[str]:
    """The types of the inputs that share their type with the main one; the output's without."""
    read_as = READ_AS_8 if taken.version < (9, 0, 0) else READ_AS_10
    main = MAIN_INPUT.get(node.op_type, 0)
    names = list(node.output[:1])
    if len(node.input) > main:
        schema = onnx.defs.get_schema(node.op_type, taken.opset)
        formal = [each.type_str for each in schema.inputs]
        # The last formal input may stand for any number.
        shares = [formal[min(i, len(formal) - 1)] == formal[main] for i in range(len(node.input))]
        names = [name for name, same in zip(node.input, shares, strict=True) if same and name]
    kinds = {KINDS.get(graph.types.get(name, 0), "an unknown type") for name in names}
    return {read_as.get(kind, kind) for kind in kinds}


def _attributes(node: NodeProto) -> dict[str, object]:
    found: dict[str, object] = {}
    for attribute in node.attribute:
        value = onnx.helper.get_attribute_value(attribute)
        found[attribute.name] = value.decode() if attribute.type == AttributeProto.STRING else value
    return found


def _pooling(node: NodeProto, graph: _Graph, taken: Taken) -> Iterator[str]:
    attributes = _attributes(node)
    if len(node.output) > 1 and node.output[1]:
        yield "its output Indices is not taken"
    if any(n != 1 for n in attributes.get("dilations", ())):  # type: ignore[attr-defined]
        yield f"dilations {attributes['dilations']}, only 1 is taken"
    yield from _flat_or_solid(node, graph, taken)


def _flat_or_solid(node: NodeProto, graph: _Graph, taken: Taken) -> Iterator[str]:
    rank = graph.ranks.get(node.input[0], 4)
    if rank not in (4, 5) and taken.version < (9, 0, 0):
        yield f"an input of {rank} dimensions, it is taken for 2D and 3D images alone"


def _zero_point(node: NodeProto, graph: _Graph, taken: Taken) -> Iterator[str]:
    del taken
    if len(node.input) < 3 or not node.input[2]:
        if node.op_type == "QuantizeLinear":
            yield "without a zero point it makes uint8, only int8 is taken"
        return
    held = graph.constants.get(node.input[2])
    if held is None:
        yield f"its zero point {node.input[2]} has to be a constant"
        return
    if held.data_type != TensorProto.INT8:
        yield f"quantised values of {KINDS.get(held.data_type, '?')}, only int8 is taken"
    if np.any(numpy_helper.to_array(held)):
        yield "its zero point is not zero: only symmetric quantisation is taken"


def _resize(node: NodeProto, graph: _Graph, taken: Taken) -> Iterator[str]:
    del graph, taken
    attributes = _attributes(node)
    named = (
        ("mode", "nearest", RESIZE_MODES),
        ("coordinate_transformation_mode", "half_pixel", RESIZE_COORDINATES),
        ("nearest_mode", "round_prefer_floor", RESIZE_NEAREST),
        ("keep_aspect_ratio_policy", "stretch", ("stretch",)),
    )
    for name, default, known in named:
        found = attributes.get(name, default)
        if found not in known:
            yield f"{name} is {found!r}, taken are {', '.join(known)}"
    if attributes.get("antialias", 0):
        yield "antialias is not taken"


def _scatter(node: NodeProto, graph: _Graph, taken: Taken) -> Iterator[str]:
    del graph, taken
    reduction = _attributes(node).get("reduction", "none")
    if reduction != "none":
        yield f"reduction {reduction!r} is not taken"


def _nothing(node: NodeProto, graph: _Graph, taken: Taken) -> Iterator[str]:
    del node, graph, taken
    yield from ()


# Operator → what is not taken of it.
RULES = {
    "AveragePool": _pooling,
    "Conv": _flat_or_solid,
    "ConvTranspose": _flat_or_solid,
    "DequantizeLinear": _zero_point,
    "MaxPool": _pooling,
    "QuantizeLinear": _zero_point,
    "Resize": _resize,
    "ScatterND": _scatter,
}
