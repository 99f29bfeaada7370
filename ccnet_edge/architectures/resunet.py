"""A residual U-Net: every stage adds what it read to what it made."""

from __future__ import annotations

from ccnet_edge.architectures.parts import UNET_WIDTHS, conv
from ccnet_edge.architectures.ushape import ushape
from ccnet_edge.spec.network import NetworkSpec, Node


def resunet(in_channels: int = 3, outputs: int = 1) -> NetworkSpec:
    """A U-Net with residual stages (He et al., CVPR 2016; Zhang, Liu & Wang, GRSL 2018).

    A stage's two 3×3 convolutions are added to a 1×1 convolution of what the stage reads, and the
    sum goes through ReLU. 32.4 M weights, log θ 7.511.
    """
    return ushape("resunet", _stage, in_channels=in_channels, outputs=outputs)


def _stage(name: str, source: str, scale: int) -> list[Node]:
    width = UNET_WIDTHS[scale]

    def linear(part: str, read: str, kernel: int) -> Node:
        return Node(
            name=f"{name}_{part}",
            op="conv_bn",
            inputs=(read,),
            width=width,
            kernel=kernel,
            scale=scale,
            thinned=True,
        )

    first = conv(f"{name}_conv1", source, width=width, scale=scale)
    second = linear("conv2", first.name, 3)
    short = linear("short", source, 1)
    total = Node(
        name=f"{name}_sum",
        op="add_relu",
        inputs=(second.name, short.name),
        width=width,
        scale=scale,
        thinned=True,
    )
    return [first, second, short, total]
