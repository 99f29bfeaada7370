"""The operators' costs: a row an operator, with its output shape, weights and multiply-adds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from ccnet_edge.errors import unknown_key
from ccnet_edge.spec.network import Node


class Shape(NamedTuple):
    """A tensor's channels, height and width; batch is 1."""

    channels: int
    height: int
    width: int

    @property
    def values(self) -> int:
        """How many numbers the tensor holds."""
        return self.channels * self.height * self.width


@dataclass(frozen=True, kw_only=True)
class Op:
    """One operator's cost.

    `output(node, inputs)` is the shape of its result; `weights(node, inputs)` its convolution
    weights; `macs(node, inputs, output)` its multiply-adds. `trained` and `stored` are values
    per output channel beside the weights: `trained` what training changes (biases, γ, β),
    `stored` what the exported file keeps once batch normalisation is folded into the
    convolution before it.
    """

    output: Callable[[Node, tuple[Shape, ...]], Shape]
    weights: Callable[[Node, tuple[Shape, ...]], int] = lambda _node, _inputs: 0
    macs: Callable[[Node, tuple[Shape, ...], Shape], int] = lambda _node, _inputs, _output: 0
    trained: int = 0
    stored: int = 0

    @property
    def convolves(self) -> bool:
        """It has weights, so the papers count its output among the feature maps."""
        return self.stored > 0


def _same(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    return Shape(node.width, inputs[0].height // node.stride, inputs[0].width // node.stride)


def _pooled(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    channels, height, width = inputs[0]
    return Shape(channels, height // node.stride, width // node.stride)


def _grown(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    return Shape(node.width, inputs[0].height * node.stride, inputs[0].width * node.stride)


def _joined(_node: Node, inputs: tuple[Shape, ...]) -> Shape:
    return Shape(sum(shape.channels for shape in inputs), inputs[0].height, inputs[0].width)


def _weights(node: Node, inputs: tuple[Shape, ...]) -> int:
    """CC21 eq. 4, one layer: FM_i · F_x · F_y · FM_{i+1}."""
    return inputs[0].channels * node.kernel * node.kernel * node.width


def _conv_macs(node: Node, inputs: tuple[Shape, ...], output: Shape) -> int:
    return _weights(node, inputs) * output.height * output.width


def _upconv_macs(node: Node, inputs: tuple[Shape, ...], _output: Shape) -> int:
    """A transposed convolution spreads every input pixel over its whole kernel."""
    return _weights(node, inputs) * inputs[0].height * inputs[0].width


# The same keys as the torch reader's table (nets/ops.py), which a test asserts.
OPS: dict[str, Op] = {
    "concat": Op(output=_joined),
    "conv": Op(output=_same, weights=_weights, macs=_conv_macs, trained=1, stored=1),
    "conv_bn_relu": Op(output=_same, weights=_weights, macs=_conv_macs, trained=2, stored=1),
    "input": Op(output=lambda node, _: Shape(node.width, 0, 0)),
    "maxpool": Op(output=_pooled),
    "upconv": Op(output=_grown, weights=_weights, macs=_upconv_macs, trained=1, stored=1),
}


def find_op(node: Node) -> Op:
    """The cost row of a node's operator.

    Raises:
        UsageError: an operator that is not in `OPS`.
    """
    if node.op not in OPS:
        raise unknown_key("operator", node.op, OPS)
    return OPS[node.op]
