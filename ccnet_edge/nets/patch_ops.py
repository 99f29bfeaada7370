"""The operators that only pixel classifiers have, in torch; rows of `nets.ops.OPS`."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from ccnet_edge.nets.norm import norm_relu
from ccnet_edge.spec.network import Node


class ConvRelu(nn.Module):
    """k×k convolution with bias, ReLU."""

    def __init__(self, in_channels: int, node: Node) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels, node.width, node.kernel, node.stride, node.border, node.dilation
        )

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] → [N, width, H′, W′], smaller by the kernel where padding is "valid"."""
        return torch.relu_(self.conv(x))


class BnReluConv(nn.Module):
    """Batch normalisation, ReLU, k×k convolution without bias (He et al. 2016, pre-activation)."""

    def __init__(self, in_channels: int, node: Node) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(in_channels)
        self.conv = nn.Conv2d(
            in_channels, node.width, node.kernel, node.stride, node.border, bias=False
        )

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] → [N, width, H / stride, W / stride]."""
        convolved: Tensor = self.conv(self._normalised(x))
        return convolved

    def _normalised(self, x: Tensor) -> Tensor:
        """Two values a channel where statistics are fixed: nothing before it could take them in."""
        norm = self.norm
        if norm.training:
            return norm_relu(x, norm)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        shift = norm.bias - norm.running_mean * scale
        return torch.relu(x * scale[:, None, None] + shift[:, None, None])


def larger_of_two(x: Tensor, *, axis: int, apart: int) -> Tensor:
    """The larger of every two values that lie `apart` along `axis`, which loses so many.

    Pooling with dilation is the same, and TensorRT has none.
    """
    length = x.shape[axis] - apart
    return torch.maximum(x.narrow(axis, 0, length), x.narrow(axis, apart, length))


class DilatedPool(nn.Module):
    """2×2 max pooling of values that lie `dilation` apart, at every pixel."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.apart = node.dilation

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] → [N, C, H − dilation, W − dilation]."""
        rows = larger_of_two(x, axis=2, apart=self.apart)
        return larger_of_two(rows, axis=3, apart=self.apart)


class CellsConvRelu(nn.Module):
    """Ceil-mode 2×2 max pooling of a k-cell square, then a k×k convolution over its cells, ReLU.

    At every pixel what a patch classifier computes there: of a square of 2k − 1 values a cell
    pools two by two, but the last cells in each direction, for which one value is left, none. So
    cells of four kinds are pooled (both ways, down, across, not at all), each kind is convolved
    with the weights of its cells, and the four are added. `dilation` is the step of cells in
    pixels, twice that of values.
    """

    def __init__(self, in_channels: int, node: Node) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, node.width, node.kernel)
        self.step, self.last = node.dilation, node.kernel - 1

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] → [N, width, H − (k − 1) · dilation, W − (k − 1) · dilation]."""
        reach = self.last * self.step
        height, width = x.shape[2] - reach, x.shape[3] - reach
        assert self.conv.bias is not None
        total = self.conv.bias[:, None, None]
        for rows, down in ((slice(0, self.last), 2), (slice(self.last, None), 1)):
            for columns, across in ((slice(0, self.last), 2), (slice(self.last, None), 1)):
                pooled = x
                if down == 2:
                    pooled = larger_of_two(pooled, axis=2, apart=self.step // 2)
                if across == 2:
                    pooled = larger_of_two(pooled, axis=3, apart=self.step // 2)
                top, left = (0 if n == 2 else reach for n in (down, across))
                tall, wide = (
                    n + (self.last - 1) * self.step if m == 2 else n
                    for n, m in ((height, down), (width, across))
                )
                cells = pooled.narrow(2, top, tall).narrow(3, left, wide)
                weight = self.conv.weight[:, :, rows, columns]
                total = total + functional.conv2d(cells, weight, dilation=self.step)
        return torch.relu(total)


class Border(nn.Module):
    """Zeros around the image, so that every pixel is the middle of a `kernel`-pixel square."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.pixels = node.kernel // 2

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] → [N, C, H + 2 · (kernel // 2), …]."""
        return functional.pad(x, (self.pixels,) * 4)


class Patches(nn.Module):
    """The patches, `kernel` pixels square, in the middle of every `stride`-pixel cell."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.size, self.step = node.kernel, node.stride

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] → [N · H/s · W/s, C, kernel, kernel], row by row; zeros outside."""
        before = self.size // 2 - self.step // 2
        after = self.size - 1 - self.size // 2 - (self.step - 1 - self.step // 2)
        padded = functional.pad(x, (before, after, before, after))
        # [N, C, rows, columns, kernel, kernel]
        cut = padded.unfold(2, self.size, self.step).unfold(3, self.size, self.step)
        return cut.permute(0, 2, 3, 1, 4, 5).flatten(0, 2)


class LayOut(nn.Module):
    """One value a patch, laid out over the patch's cell of the image."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.step = node.stride

    def forward(self, x: Tensor, image: Tensor) -> Tensor:
        """Values [N · H/s · W/s, K, 1, 1] and image [N, C, H, W] → [N, K, H, W]."""
        count, rows, columns = image.shape[0], *(n // self.step for n in image.shape[2:])
        cells = x.view(count, rows, columns, x.shape[1]).permute(0, 3, 1, 2)
        # [N, K, rows, s, columns, s]
        spread = cells[:, :, :, None, :, None].expand(-1, -1, -1, self.step, -1, self.step)
        return spread.reshape(count, x.shape[1], *image.shape[2:])


Row = Callable[[tuple[int, ...], Node], nn.Module]

PATCH_OPS: dict[str, Row] = {
    "avgpool": lambda _, node: nn.AvgPool2d(node.kernel, node.stride),
    "bn_relu_conv": lambda channels, node: BnReluConv(channels[0], node),
    "border": lambda _, node: Border(node),
    "cells_conv_relu": lambda channels, node: CellsConvRelu(channels[0], node),
    "dilated_pool": lambda _, node: DilatedPool(node),
    "conv_relu": lambda channels, node: ConvRelu(channels[0], node),
    "lay_out": lambda _, node: LayOut(node),
    "patches": lambda _, node: Patches(node),
}
