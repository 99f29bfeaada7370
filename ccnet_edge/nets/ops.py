"""The operators of a NetworkSpec in torch, one row each."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ccnet_edge.nets.norm import norm_relu
from ccnet_edge.nets.patch_ops import PATCH_OPS, BnReluConv, CellsConvRelu, ConvRelu, Row
from ccnet_edge.spec.network import Node


class ConvBnRelu(nn.Module):
    """k×k convolution without bias, batch normalisation, ReLU; same height and width."""

    def __init__(self, in_channels: int, node: Node) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels,
            node.width,
            node.kernel,
            stride=node.stride,
            padding=node.border,
            dilation=node.dilation,
            bias=False,
        )
        self.norm = nn.BatchNorm2d(node.width)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] → [N, width, H / stride, W / stride]."""
        return norm_relu(self.conv(x), self.norm)


class ConvBn(ConvBnRelu):
    """The same without ReLU: what is added to something else."""

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] → [N, width, H / stride, W / stride]."""
        normalised: Tensor = self.norm(self.conv(x))
        return normalised


class DepthwiseBnRelu(nn.Module):
    """A k×k kernel for every channel, batch normalisation, ReLU."""

    def __init__(self, channels: int, node: Node) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            channels,
            channels,
            node.kernel,
            stride=node.stride,
            padding=node.border,
            groups=channels,
            bias=False,
        )
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] → [N, C, H / stride, W / stride]."""
        return norm_relu(self.conv(x), self.norm)


class Add(nn.Module):
    """The sum of tensors of one shape, and ReLU where asked for."""

    def __init__(self, *, relu: bool) -> None:
        super().__init__()
        self.relu = relu

    def forward(self, first: Tensor, *others: Tensor) -> Tensor:
        """[N, C, H, W] each → [N, C, H, W]."""
        total = first
        for other in others:
            total = total + other
        return torch.relu(total) if self.relu else total


Convolution = nn.Conv2d | nn.ConvTranspose2d


def convolution_of(block: nn.Module) -> Convolution | None:
    """The convolution in a node's module; None where it has no weights."""
    inner = isinstance(block, (BnReluConv, CellsConvRelu, ConvBnRelu, ConvRelu, DepthwiseBnRelu))
    found = block.conv if inner else block
    return found if isinstance(found, Convolution) else None


class Concat(nn.Module):
    """Concatenation along the channels."""

    def forward(self, *inputs: Tensor) -> Tensor:
        """[N, C_i, H, W] each → [N, Σ C_i, H, W]."""
        return torch.cat(inputs, dim=1)


def _input(_: tuple[int, ...], __: Node) -> nn.Module:
    return nn.Identity()


def _conv_bn_relu(channels: tuple[int, ...], node: Node) -> nn.Module:
    return ConvBnRelu(channels[0], node)


def _maxpool(_: tuple[int, ...], node: Node) -> nn.Module:
    return nn.MaxPool2d(node.kernel, node.stride, node.border)


def _upconv(channels: tuple[int, ...], node: Node) -> nn.Module:
    return nn.ConvTranspose2d(channels[0], node.width, node.kernel, stride=node.stride)


def _concat(_: tuple[int, ...], __: Node) -> nn.Module:
    return Concat()


def _conv(channels: tuple[int, ...], node: Node) -> nn.Module:
    return nn.Conv2d(channels[0], node.width, node.kernel, node.stride, node.border, node.dilation)


# Op → module from the inputs' channels and the node. Equal keys to cost/ops.py, by a test.
OPS: dict[str, Row] = PATCH_OPS | {
    "add": lambda _, __: Add(relu=False),
    "add_relu": lambda _, __: Add(relu=True),
    "concat": _concat,
    "conv": _conv,
    "conv_bn": lambda channels, node: ConvBn(channels[0], node),
    "conv_bn_relu": _conv_bn_relu,
    "depthwise_bn_relu": lambda channels, node: DepthwiseBnRelu(channels[0], node),
    "input": _input,
    "maxpool": _maxpool,
    "upconv": _upconv,
}
