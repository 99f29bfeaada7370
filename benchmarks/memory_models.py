"""U-Nets as ONNX files with random weights, written node by node: what the exporter writes, fast.

Measuring memory takes hundreds of files, whose values do not matter; tracing each with torch
would take most of the time. A test holds these graphs to be the exporter's.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from ccnet_edge.cost import shapes
from ccnet_edge.device.bundle.zips import zip_bytes
from ccnet_edge.export.onnx_half import to_half
from ccnet_edge.export.onnx_int8 import scheme_for, to_int8
from ccnet_edge.spec.network import NetworkSpec, Node
from ccnet_edge.spec.target import Precision

# NOTE: as ccnet_edge.export.onnx has them, without importing torch.
INPUT, OUTPUT, OPSET, IR_VERSION = "image", "logits", 18, 8
PLAIN = frozenset({"concat", "maxpool"})
# int8 is calibrated on noise of this size: its scales are no matter of memory.
CALIBRATION_SIZE = 32


def write_model(
    spec: NetworkSpec, folder: Path, *, height: int, width: int, precision: Precision, engine: str
) -> Path:
    """`spec` for one image of `height` × `width`, as our exporters write it for `engine`."""
    model = folder / f"model.{engine}"
    if precision == "int8":
        graph = _int8_model(spec, height=height, width=width)
    else:
        graph = float_model(spec, height=height, width=width)
    if engine == "openvino":
        from ccnet_edge.export.openvino import ir_files

        files = ir_files(graph.SerializeToString(), half=precision == "fp16")
        model.write_bytes(zip_bytes(files))
    else:
        onnx.save_model(to_half(graph) if precision == "fp16" else graph, model)
    return model


def _int8_model(spec: NetworkSpec, *, height: int, width: int) -> ModelProto:
    """Calibrated on noise of a small image; convolutions do not care how large one is."""
    side = CALIBRATION_SIZE
    small = float_model(spec, height=side, width=side)
    image = np.random.default_rng(0).standard_normal((1, spec.in_channels, side, side), np.float32)
    model = to_int8(small, [image], scheme_for("x86_64"))
    del model.graph.value_info[:]
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[2].dim_value = height
        value.type.tensor_type.shape.dim[3].dim_value = width
    return model


def float_model(spec: NetworkSpec, *, height: int, width: int) -> ModelProto:
    """The float32 graph: convolutions with their normalisation folded in."""
    found = shapes(spec, height=height, width=width)
    chance = np.random.default_rng(0)
    nodes: list[NodeProto] = []
    weights: list[TensorProto] = []
    names = {spec.nodes[0].name: INPUT, spec.nodes[-1].name: OUTPUT}
    for node in spec.nodes[1:]:
        inputs = [names[name] for name in node.inputs]
        output = names.setdefault(node.name, node.name)
        if node.op not in PLAIN:
            weights += _weights(node, found[node.inputs[0]].channels, chance)
            inputs += [weight.name for weight in weights[-2:]]
        nodes += _nodes(node, inputs, output)
    graph = helper.make_graph(
        nodes,
        "network",
        [
            helper.make_tensor_value_info(
                INPUT, TensorProto.FLOAT, [1, *found[spec.nodes[0].name][:3]]
            )
        ],
        [
            helper.make_tensor_value_info(
                OUTPUT, TensorProto.FLOAT, [1, *found[spec.nodes[-1].name][:3]]
            )
        ],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = IR_VERSION
    return model


def _weights(node: Node, channels: int, chance: np.random.Generator) -> list[TensorProto]:
    first = (channels, node.width) if node.op == "upconv" else (node.width, channels)
    values = chance.standard_normal((*first, node.kernel, node.kernel), np.float32) / channels
    bias = np.zeros(node.width, np.float32)
    return [
        numpy_helper.from_array(values, f"{node.name}.weight"),
        numpy_helper.from_array(bias, f"{node.name}.bias"),
    ]


def _nodes(node: Node, inputs: list[str], output: str) -> list[NodeProto]:
    sides = {"kernel_shape": [node.kernel] * 2, "strides": [node.stride] * 2}
    if node.op == "concat":
        return [helper.make_node("Concat", inputs, [output], axis=1)]
    if node.op == "maxpool":
        return [helper.make_node("MaxPool", inputs, [output], **sides)]
    if node.op == "upconv":
        return [helper.make_node("ConvTranspose", inputs, [output], **sides)]
    pads = [node.kernel // 2] * 4
    if node.op == "conv":
        return [helper.make_node("Conv", inputs, [output], pads=pads, **sides)]
    made = f"{output} before ReLU"
    return [
        helper.make_node("Conv", inputs, [made], pads=pads, **sides),
        helper.make_node("Relu", [made], [output]),
    ]
