"""The operators of a NetworkSpec as operators on rows, a row each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ccnet_edge.errors import ConfigError, unknown_key
from ccnet_edge.native.ir import Kind, RowOp
from ccnet_edge.spec.network import Node


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a node reads: the row operators whose channels, one after the other, are its value."""

    parts: tuple[int, ...]
    channels: int
    height: int
    width: int


# What takes the operators that rows do not.
ELSEWHERE = "export the network as onnx, ort or openvino"

Lower = Callable[[Node, Source, bool], RowOp]


def _conv(relu: bool) -> Lower:
    def lower(node: Node, source: Source, winograd: bool) -> RowOp:
        if node.kernel % 2 == 0:
            raise ConfigError(
                f"{node.name}: a convolution with an odd kernel was wanted, found {node.kernel}"
            )
        height, width = _divided(node, source)
        op = RowOp(
            name=node.name,
            kind="conv",
            channels=node.width,
            height=height,
            width=width,
            sources=source.parts,
            in_channels=source.channels,
            kernel=node.kernel,
            stride=node.stride,
            relu=relu,
            scale=node.scale,
            node=node.name,
        )
        return replace(op, kind="winograd", step=2) if winograd and op.takes_pairs else op

    return lower


def _depthwise(node: Node, source: Source, _: bool) -> RowOp:
    if node.kernel % 2 == 0 or node.stride != 1:
        raise ConfigError(
            f"{node.name}: the native engine's depthwise convolution has an odd kernel and "
            f"stride 1, found kernel {node.kernel} and stride {node.stride}",
            hint=ELSEWHERE,
        )
    return RowOp(
        name=node.name,
        kind="depthwise",
        channels=source.channels,
        height=source.height,
        width=source.width,
        sources=source.parts,
        in_channels=1,
        kernel=node.kernel,
        relu=True,
        scale=node.scale,
        node=node.name,
    )


def _sum(relu: bool) -> Lower:
    def lower(node: Node, source: Source, _: bool) -> RowOp:
        # NOTE: a concatenation is several parts, which have no planes side by side to add to.
        parts = len(node.inputs)
        if len(source.parts) != parts or source.channels != parts * node.width:
            raise ConfigError(
                f"{node.name}: the native engine adds operators of {node.width} channels each, "
                f"found {parts} inputs of {len(source.parts)} operators and {source.channels} "
                "channels in all",
                hint=ELSEWHERE,
            )
        return RowOp(
            name=node.name,
            kind="add",
            channels=node.width,
            height=source.height,
            width=source.width,
            sources=source.parts,
            in_channels=node.width,
            relu=relu,
            scale=node.scale,
        )

    return lower


def _maxpool(node: Node, source: Source, _: bool) -> RowOp:
    _whole_cells(node)
    height, width = _divided(node, source)
    return RowOp(
        name=node.name,
        kind="maxpool",
        channels=source.channels,
        height=height,
        width=width,
        sources=source.parts,
        in_channels=source.channels,
        stride=node.stride,
        scale=node.scale,
    )


def _upconv(node: Node, source: Source, _: bool) -> RowOp:
    _whole_cells(node)
    return RowOp(
        name=node.name,
        kind="upconv",
        channels=node.width,
        height=source.height * node.stride,
        width=source.width * node.stride,
        sources=source.parts,
        in_channels=source.channels,
        kernel=node.kernel,
        up=node.stride,
        scale=node.scale,
        node=node.name,
    )


def _input(node: Node, source: Source, _: bool) -> RowOp:
    kind: Kind = "normalise"
    return RowOp(
        name=node.name,
        kind=kind,
        channels=node.width,
        height=source.height,
        width=source.width,
        sources=source.parts,
        in_channels=source.channels,
    )


def _whole_cells(node: Node) -> None:
    if node.kernel != node.stride:
        raise ConfigError(
            f"{node.name}: the native engine's {node.op} has a stride that is its kernel, "
            f"found kernel {node.kernel} and stride {node.stride}"
        )


def _divided(node: Node, source: Source) -> tuple[int, int]:
    if source.height % node.stride or source.width % node.stride:
        raise ConfigError(
            f"{node.name}: {source.height} × {source.width} pixels were found, "
            f"its stride {node.stride} does not divide them"
        )
    return source.height // node.stride, source.width // node.stride


def _none(node: Node, _source: Source, _winograd: bool) -> RowOp:
    raise ConfigError(
        f"{node.name}: the native engine has no {node.op}",
        hint=ELSEWHERE,
    )


# Op → its operator on rows; None for what is no operator there. Equal keys to cost/ops.py and
# nets/ops.py, by a test.
OPS: dict[str, Lower | None] = {
    "add": _sum(relu=False),
    "add_relu": _sum(relu=True),
    "avgpool": _none,
    "bn_relu_conv": _none,
    "border": _none,
    "cells_conv_relu": _none,
    "concat": None,
    "conv": _conv(relu=False),
    "conv_bn": _conv(relu=False),
    "conv_bn_relu": _conv(relu=True),
    "conv_relu": _none,
    "depthwise_bn_relu": _depthwise,
    "dilated_pool": _none,
    "input": _input,
    "lay_out": _none,
    "maxpool": _maxpool,
    "patches": _none,
    "upconv": _upconv,
}


def find_op(node: Node) -> Lower | None:
    """The row of a node's operator; None for a concatenation.

    Raises:
        UsageError: an operator that is not in `OPS`.
    """
    if node.op not in OPS:
        raise unknown_key("operator", node.op, OPS)
    return OPS[node.op]
