"""Weights, parameters, feature maps and multiply-adds of a network, in all and per scale."""

from __future__ import annotations

from collections.abc import Iterator

from ccnet_edge.cost.ops import Op, Shape, find_op
from ccnet_edge.cost.shapes import shapes
from ccnet_edge.spec.network import NetworkSpec, Node


def weights(spec: NetworkSpec) -> int:
    """θ of CC21 eq. 4: convolution weights only, no biases, no normalisation."""
    return sum(weights_per_scale(spec))


def weights_per_scale(spec: NetworkSpec) -> tuple[int, ...]:
    """θ_i: convolution weights by the scale that their node belongs to."""
    totals = [0] * spec.scales
    for node, op, inputs, _ in _walk(spec, spec.output_stride, spec.output_stride):
        totals[node.scale] += op.weights(node, inputs)
    return tuple(totals)


def weights_per_node(spec: NetworkSpec) -> dict[str, int]:
    """Convolution weights by node, of the nodes that have any, in the network's order."""
    walked = _walk(spec, spec.output_stride, spec.output_stride)
    return {node.name: op.weights(node, inputs) for node, op, inputs, _ in walked if op.convolves}


def parameters(spec: NetworkSpec) -> int:
    """Every trained value: weights, biases, and γ and β of batch normalisation."""
    walked = _walk(spec, spec.output_stride, spec.output_stride)
    return sum(
        op.weights(node, inputs) + op.trained * output.channels + _scaled(op, inputs)
        for node, op, inputs, output in walked
    )


def stored_values(spec: NetworkSpec) -> int:
    """Values that an exported file keeps: weights, and one bias a channel after folding."""
    walked = _walk(spec, spec.output_stride, spec.output_stride)
    return sum(
        op.weights(node, inputs) + op.stored * output.channels + _scaled(op, inputs)
        for node, op, inputs, output in walked
    )


def graph_nodes(spec: NetworkSpec) -> int:
    """Nodes of the exported graph, for what each takes of the file."""
    return sum(find_op(node).nodes for node in spec.nodes)


def macs(spec: NetworkSpec, *, height: int, width: int) -> int:
    """Multiply-adds of all convolutions for one image of `height` × `width`."""
    walked = _walk(spec, height, width)
    return sum(op.macs(node, inputs, output) for node, op, inputs, output in walked)


def values_per_scale(spec: NetworkSpec, *, height: int, width: int) -> tuple[int, ...]:
    """The papers' main-memory count per scale: weights plus the convolutions' outputs.

    Its sum is θ_mem: the values that occupy memory beside each other when every feature map
    is kept (CC21 eq. 7 and 14; batch 1).
    """
    totals = [0] * spec.scales
    for node, op, inputs, output in _walk(spec, height, width):
        if op.convolves:
            totals[node.scale] += op.weights(node, inputs) + output.values
    return tuple(totals)


def _scaled(op: Op, inputs: tuple[Shape, ...]) -> int:
    return op.scaled * sum(shape.channels for shape in inputs)


def _walk(
    spec: NetworkSpec, height: int, width: int
) -> Iterator[tuple[Node, Op, tuple[Shape, ...], Shape]]:
    found = shapes(spec, height=height, width=width)
    for node in spec.nodes:
        inputs = tuple(found[name] for name in node.inputs)
        yield node, find_op(node), inputs, found[node.name]
