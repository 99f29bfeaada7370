"""The shape of every tensor of a network at an input size."""

from __future__ import annotations

from ccnet_edge.cost.ops import Shape, find_op
from ccnet_edge.errors import UsageError
from ccnet_edge.spec.network import NetworkSpec

__all__ = ["Shape", "check_size", "shapes"]


def shapes(spec: NetworkSpec, *, height: int, width: int) -> dict[str, Shape]:
    """Each node's output shape by its name, for one image of `height` × `width`.

    Raises:
        UsageError: a size that the network's output stride does not divide.
    """
    check_size(spec, height=height, width=width)
    found: dict[str, Shape] = {}
    for node in spec.nodes:
        if node.op == "input":
            found[node.name] = Shape(node.width, height, width)
        else:
            inputs = tuple(found[name] for name in node.inputs)
            found[node.name] = find_op(node).output(node, inputs)
    return found


def check_size(spec: NetworkSpec, *, height: int, width: int) -> None:
    """Raise UsageError, naming the next size up, where the network cannot take this one."""
    stride = spec.output_stride
    if min(height, width) < stride or height % stride or width % stride:
        fits = [max(-(-length // stride), 1) * stride for length in (height, width)]
        raise UsageError(
            f"{spec.architecture} needs an input height and width that are multiples of {stride}, "
            f"found {height}x{width}",
            hint=f"use {fits[0]}x{fits[1]}",
        )
