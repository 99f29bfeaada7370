"""The operators' costs: a row an operator, with its output shape, weights and multiply-adds."""

from __future__ import annotations

from ccnet_edge.cost.op import Op, Shape, kernel_macs, kernel_weights, pooled, swept
from ccnet_edge.cost.patch_ops import PATCH_OPS
from ccnet_edge.errors import unknown_key
from ccnet_edge.spec.network import Node

__all__ = ["OPS", "Op", "Shape", "find_op"]


def _grown(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    return Shape(node.width, inputs[0].height * node.stride, inputs[0].width * node.stride)


def _added(_node: Node, inputs: tuple[Shape, ...]) -> Shape:
    return inputs[0]


def _depth_weights(node: Node, inputs: tuple[Shape, ...]) -> int:
    """A kernel of its own for every channel."""
    return inputs[0].channels * node.kernel * node.kernel


def _depth_macs(node: Node, inputs: tuple[Shape, ...], output: Shape) -> int:
    return _depth_weights(node, inputs) * output.places


def _joined(_node: Node, inputs: tuple[Shape, ...]) -> Shape:
    return inputs[0]._replace(channels=sum(shape.channels for shape in inputs))


def _upconv_macs(node: Node, inputs: tuple[Shape, ...], _output: Shape) -> int:
    """A transposed convolution spreads every input pixel over its whole kernel."""
    return kernel_weights(node, inputs) * inputs[0].places


# The same keys as the torch reader's table (nets/ops.py), which a test asserts.
OPS: dict[str, Op] = PATCH_OPS | {
    "add": Op(output=_added),
    "add_relu": Op(output=_added),
    "concat": Op(output=_joined),
    "conv": Op(output=swept, weights=kernel_weights, macs=kernel_macs, trained=1, stored=1),
    "conv_bn": Op(output=swept, weights=kernel_weights, macs=kernel_macs, trained=2, stored=1),
    "conv_bn_relu": Op(output=swept, weights=kernel_weights, macs=kernel_macs, trained=2, stored=1),
    "depthwise_bn_relu": Op(
        output=pooled, weights=_depth_weights, macs=_depth_macs, trained=2, stored=1
    ),
    "input": Op(output=lambda node, _: Shape(node.width, 0, 0)),
    "maxpool": Op(output=pooled),
    "upconv": Op(output=_grown, weights=kernel_weights, macs=_upconv_macs, trained=1, stored=1),
}


def find_op(node: Node) -> Op:
    """The cost row of a node's operator.

    Raises:
        UsageError: an operator that is not in `OPS`.
    """
    if node.op not in OPS:
        raise unknown_key("operator", node.op, OPS)
    return OPS[node.op]
