"""The shape of every tensor of a network at an input size."""

from __future__ import annotations

from ccnet_edge.cost.ops import Shape, find_op
from ccnet_edge.errors import UsageError
from ccnet_edge.spec.network import NetworkSpec

__all__ = ["Shape", "check_image_size", "shapes"]


def shapes(spec: NetworkSpec, *, height: int, width: int) -> dict[str, Shape]:
    """Each node's output shape by its name, for one image of `height` × `width`.

    Raises:
        UsageError: a size that the network's output stride does not divide.
    """
    _check_input(spec, height=height, width=width)
    found: dict[str, Shape] = {}
    for node in spec.nodes:
        if node.op == "input":
            found[node.name] = Shape(node.width, height, width)
        else:
            inputs = tuple(found[name] for name in node.inputs)
            found[node.name] = find_op(node).output(node, inputs)
    return found


def check_image_size(spec: NetworkSpec, *, height: int, width: int) -> None:
    """Raise UsageError for an image size that is less than one pixel of the coarsest scale."""
    stride = spec.output_stride
    if min(height, width) < stride:
        raise UsageError(
            f"{spec.architecture} needs images of at least {stride}x{stride} pixels, "
            f"found {height}x{width}",
            hint="give a larger --size",
        )


def _check_input(spec: NetworkSpec, *, height: int, width: int) -> None:
    check_image_size(spec, height=height, width=width)
    fits = spec.input_size(height, width)
    if fits != (height, width):
        raise UsageError(
            f"{spec.architecture} needs an input height and width that are multiples of "
            f"{spec.output_stride}, found {height}x{width}",
            hint=f"use {fits[0]}x{fits[1]}",
        )
