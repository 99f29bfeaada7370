"""U-Net: two 3×3 convolutions a stage, a mirrored decoder, skips joined by concatenation."""

from __future__ import annotations

from ccnet_edge.spec.network import NetworkSpec, Node

# Ronneberger et al., MICCAI 2015; CC21 Table 6 prints them as the base of its plans.
BASE_WIDTHS = (64, 128, 256, 512, 1024)


def unet(in_channels: int = 3, outputs: int = 1) -> NetworkSpec:
    """The U-Net of both papers: same padding, batch normalisation, 2×2 transposed convolutions.

    A transposed convolution belongs to the finer scale that it feeds, so a scale's width is
    the same in encoder and decoder and its concatenation has twice as many channels.
    """
    nodes = [Node(name="input", op="input", width=in_channels)]
    deepest = len(BASE_WIDTHS) - 1
    for scale in range(deepest):
        nodes += _stage(f"encoder{scale}", nodes[-1].name, scale)
        nodes.append(
            Node(
                name=f"encoder{scale}_pool",
                op="maxpool",
                inputs=(nodes[-1].name,),
                kernel=2,
                stride=2,
                scale=scale + 1,
            )
        )
    nodes += _stage("bottleneck", nodes[-1].name, deepest)
    for scale in reversed(range(deepest)):
        nodes += _join(scale, nodes[-1].name)
        nodes += _stage(f"decoder{scale}", nodes[-1].name, scale)
    nodes.append(Node(name="head", op="conv", inputs=(nodes[-1].name,), width=outputs, kernel=1))
    return NetworkSpec(architecture="unet", nodes=tuple(nodes), widths=BASE_WIDTHS)


def _stage(name: str, source: str, scale: int) -> list[Node]:
    """Two 3×3 convolutions with batch normalisation and ReLU."""
    first, second = f"{name}_conv1", f"{name}_conv2"
    return [_conv(first, source, scale), _conv(second, first, scale)]


def _conv(name: str, source: str, scale: int) -> Node:
    return Node(
        name=name,
        op="conv_bn_relu",
        inputs=(source,),
        width=BASE_WIDTHS[scale],
        kernel=3,
        scale=scale,
        thinned=True,
    )


def _join(scale: int, source: str) -> list[Node]:
    """Twice the resolution of `source`, joined with the encoder's output of the same scale."""
    up = Node(
        name=f"decoder{scale}_up",
        op="upconv",
        inputs=(source,),
        width=BASE_WIDTHS[scale],
        kernel=2,
        stride=2,
        scale=scale,
        thinned=True,
    )
    joined = Node(
        name=f"decoder{scale}_join",
        op="concat",
        inputs=(f"encoder{scale}_conv2", up.name),
        scale=scale,
    )
    return [up, joined]
