"""An ONNX graph in an older opset, where it has a form in that.

NOTE: onnx's own converter knows no way down for operators whose newer version only takes more
types (Relu 14, Add 14). Where a node uses nothing that its newer version added, the number in the
file is all that changes.
"""

from __future__ import annotations

import onnx
from onnx import ModelProto, NodeProto

from ccnet_edge.errors import UsageError

# Operators whose versions since opset 13 added types, attributes or inputs, and changed no meaning
# (ONNX, docs/Changelog.md, opsets 14 to 22).
_ONLY_ADDED = """Add AveragePool Cast Concat Constant ConstantOfShape Conv ConvTranspose
DequantizeLinear Div Flatten Gather GlobalAveragePool GlobalMaxPool Identity LeakyRelu MaxPool Mul
PRelu Pad QuantizeLinear Relu Reshape Resize Shape Sigmoid Size Slice Split Squeeze Sub Tanh
Transpose Unsqueeze Where"""
ONLY_ADDED = frozenset(_ONLY_ADDED.split())


def opset_of(model: ModelProto) -> int:
    """The version of ONNX's own operators that a graph is of."""
    return max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=1)


def lower_opset(model: ModelProto, limit: int, *, what: str) -> ModelProto:
    """A copy of the graph in opset `limit` at most.

    Args:
        what: who takes no more, for the error.

    Raises:
        UsageError: the graph has no form in that opset; names the operator.
    """
    opset = opset_of(model)
    copy = ModelProto()
    copy.CopyFrom(model)
    if opset <= limit:
        return copy
    if all(_same_meaning(node, opset, limit) for node in model.graph.node):
        for entry in copy.opset_import:
            if entry.domain in ("", "ai.onnx"):
                entry.version = limit
        return copy
    try:
        converted: ModelProto = onnx.version_converter.convert_version(model, limit)
    except (RuntimeError, ValueError) as error:
        raise UsageError(
            f"{what} takes opset {limit} at most; the graph is of opset {opset} and has no form "
            f"in that: {str(error).splitlines()[0]}",
            hint="a newer version on the device, or another architecture",
        ) from error
    return converted


def _same_meaning(node: NodeProto, opset: int, limit: int) -> bool:
    """The node is the same operator in both opsets."""
    try:
        new = onnx.defs.get_schema(node.op_type, opset, node.domain)
        old = onnx.defs.get_schema(node.op_type, limit, node.domain)
    except onnx.defs.SchemaError:
        return False
    if new.since_version == old.since_version:
        return True
    attributes = {attribute.name for attribute in node.attribute}
    fits = attributes <= set(old.attributes) and len(node.input) <= old.max_input
    return fits and node.op_type in ONLY_ADDED
