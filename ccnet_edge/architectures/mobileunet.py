"""A MobileNet-style U-Net: depthwise separable convolutions in place of full ones."""

from __future__ import annotations

from ccnet_edge.architectures.parts import UNET_WIDTHS, conv
from ccnet_edge.architectures.ushape import ushape
from ccnet_edge.spec.network import NetworkSpec, Node


def mobileunet(in_channels: int = 3, outputs: int = 1) -> NetworkSpec:
    """A U-Net of depthwise separable convolutions (Howard et al., arXiv:1704.04861, 2017).

    Each 3×3 convolution is a depthwise 3×3 one and a 1×1 one, both with batch normalisation and
    ReLU; the first of all, which reads the image, is a full one. 5.98 M weights, log θ 6.776.
    """
    return ushape("mobileunet", _stage, in_channels=in_channels, outputs=outputs)


def _stage(name: str, source: str, scale: int) -> list[Node]:
    width = UNET_WIDTHS[scale]
    if source == "input":
        first = [conv(f"{name}_conv1", source, width=width, scale=scale)]
    else:
        first = _separable(f"{name}_conv1", source, scale)
    return [*first, *_separable(f"{name}_conv2", first[-1].name, scale)]


def _separable(name: str, source: str, scale: int) -> list[Node]:
    deep = Node(
        name=f"{name}_depth", op="depthwise_bn_relu", inputs=(source,), kernel=3, scale=scale
    )
    return [deep, conv(name, deep.name, width=UNET_WIDTHS[scale], scale=scale, kernel=1)]
