"""Costs of the operators that only pixel classifiers have; rows of `cost.ops.OPS`."""

from __future__ import annotations

from ccnet_edge.cost.op import Op, Shape, kernel_macs, kernel_weights, pooled, swept
from ccnet_edge.spec.network import Node


def _bordered(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    more = 2 * (node.kernel // 2)
    return inputs[0]._replace(height=inputs[0].height + more, width=inputs[0].width + more)


def _cut(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    channels, height, width, _ = inputs[0]
    return Shape(
        channels, node.kernel, node.kernel, (height // node.stride) * (width // node.stride)
    )


def _laid_out(_: Node, inputs: tuple[Shape, ...]) -> Shape:
    return inputs[1]._replace(channels=inputs[0].channels)


PATCH_OPS: dict[str, Op] = {
    "avgpool": Op(output=pooled),
    "bn_relu_conv": Op(
        output=swept, weights=kernel_weights, macs=kernel_macs, stored=1, scaled=2, nodes=3
    ),
    "border": Op(output=_bordered),
    "cells_conv_relu": Op(
        output=swept, weights=kernel_weights, macs=kernel_macs, trained=1, stored=1, nodes=24
    ),
    "conv_relu": Op(output=swept, weights=kernel_weights, macs=kernel_macs, trained=1, stored=1),
    "dilated_pool": Op(output=pooled, nodes=6),
    "patches": Op(output=_cut, nodes=8),
    "lay_out": Op(output=_laid_out, nodes=8),
}
