"""An ONNX graph in int8: Q/DQ pairs around operators, weights with a scale for every channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import ModelProto
from onnxruntime.quantization import QuantType
from onnxruntime.quantization.calibrate import CalibrationMethod, TensorData, TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from ccnet_edge.errors import UsageError
from ccnet_edge.export.onnx_graph import OUTPUT
from ccnet_edge.export.options import Inputs, Method
from ccnet_edge.export.ranges import activation_ranges
from ccnet_edge.native.quantise import Range

# Operators with weights, and those that hand on the values of others.
WEIGHTED = ("Conv", "ConvTranspose")
PASSING = ("Concat", "MaxPool", "Relu")


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """Where int8 values lie, and around which operators.

    `signed` activations are −128 to 127, others 0 to 255. `symmetric` ones have zero at 0, pairs
    stand before operators with weights alone, and biases stay float32, which is what TensorRT
    takes; else every operator has them and zero lies where the range wants it. `narrow` weights
    are −64 to 63: on x86 without VNNI two products are added in 16 bits, which overflow with
    wider ones (as nncf's "overflow fix" has it).
    """

    signed: bool
    symmetric: bool
    narrow: bool = False


# TensorRT, and whatever places its own pairs.
SYMMETRIC = Scheme(signed=True, symmetric=True)


def scheme_for(machine: str) -> Scheme:
    """ONNX Runtime's on a processor: it has signed kernels for Arm, unsigned ones for x86."""
    return Scheme(signed=machine.startswith(("aarch64", "arm")), symmetric=False)


def to_int8(
    model: ModelProto,
    inputs: Inputs,
    scheme: Scheme,
    *,
    method: Method = "percentile",
    exclude: frozenset[str] = frozenset(),
) -> ModelProto:
    """`model` in int8, its ranges from prepared images, but for the nodes in `exclude`."""
    return quantise_graph(model, activation_ranges(model, inputs, method), scheme, exclude=exclude)


def quantisable(model: ModelProto) -> tuple[str, ...]:
    """The names of the nodes that `quantise_graph` can leave in float32, in their order."""
    return tuple(node.name for node in model.graph.node if node.op_type in WEIGHTED)


def quantise_graph(
    model: ModelProto,
    ranges: dict[str, Range],
    scheme: Scheme,
    *,
    exclude: frozenset[str] = frozenset(),
) -> ModelProto:
    """`model` in int8 with the ranges of `activation_ranges`; the logits stay float32.

    Args:
        model: in float32; it is not changed.
        ranges: of the input and of all values that are stored.
        scheme: where values lie.
        exclude: nodes with weights that stay in float32, and with them what hands on values to
            such nodes alone.

    Raises:
        UsageError: `exclude` names what is no node with weights.
    """
    if unknown := exclude - set(quantisable(model)):
        raise UsageError(
            f"nodes to leave in float32 were wanted, {', '.join(sorted(unknown))} are none",
            hint=f"nodes with weights: {', '.join(quantisable(model))}",
        )
    # The quantiser looks up what a rectifier reads, though it stores what the rectifier makes.
    before = {n.input[0]: ranges[n.output[0]] for n in model.graph.node if n.op_type == "Relu"}
    found = TensorsData(
        CalibrationMethod.MinMax,
        {
            name: TensorData(lowest=np.float32(each.low), highest=np.float32(each.high))
            for name, each in (before | ranges).items()
        },
    )
    quantizer = QDQQuantizer(
        onnx.shape_inference.infer_shapes(model),
        per_channel=True,
        reduce_range=scheme.narrow,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QInt8 if scheme.signed else QuantType.QUInt8,
        tensors_range=found,
        nodes_to_quantize=[],
        nodes_to_exclude=sorted(_float_nodes(model, exclude)),
        op_types_to_quantize=[*WEIGHTED, *(() if scheme.symmetric else PASSING)],
        extra_options={
            "ActivationSymmetric": scheme.symmetric,
            "OpTypesToExcludeOutputQuantization": list(WEIGHTED) if scheme.symmetric else [],
            "QuantizeBias": not scheme.symmetric,
        },
    )
    quantizer.quantize_model()
    quantised: ModelProto = quantizer.model.model
    _keep_logits(quantised)
    quantizer.model.topological_sort()
    return quantised


def _float_nodes(model: ModelProto, exclude: frozenset[str]) -> set[str]:
    """`exclude`, and the nodes in between whose every reader stays in float32."""
    kept = set(exclude)
    float_only: dict[str, bool] = {}
    for node in reversed(model.graph.node):
        stays = node.name in exclude
        if node.op_type in PASSING and all(float_only.get(name, False) for name in node.output):
            kept.add(node.name)
            stays = True
        for name in node.input:
            float_only[name] = float_only.get(name, True) and stays
    return kept


def _keep_logits(model: ModelProto) -> None:
    """Take out the last Q/DQ pair: a logit near the threshold is worth more than 8 bits."""
    nodes = model.graph.node
    makers = {name: node for node in nodes for name in node.output}
    if makers[OUTPUT].op_type != "DequantizeLinear":
        return
    pair = [makers[OUTPUT]]
    pair.append(makers[pair[0].input[0]])
    maker = makers[pair[1].input[0]]
    unused = {name for node in pair for name in node.input[1:]}
    for node in pair:
        nodes.remove(node)
    maker.output[0] = OUTPUT
    for weight in [w for w in model.graph.initializer if w.name in unused]:
        model.graph.initializer.remove(weight)
