"""DCCN: the densely connected patch classifier of [G22], patch by patch on a grid."""

from __future__ import annotations

from ccnet_edge.spec.network import NetworkSpec, Node

# DenseNet-121 (Huang et al., CVPR 2017): 64 channels in the stem, growth 32; three of its blocks.
STEM, GROWTH = 64, 32
LAYERS = (6, 12, 24)
# A layer's 1×1 convolution has 4 · growth channels.
BOTTLENECK = 4
PATCH = 51
# Pixels between the middles of patches: one answer for a cell of so many, both ways.
GRID = 8
BASE_WIDTHS = (STEM, GROWTH, GROWTH, GROWTH)


def dccn(in_channels: int = 3, outputs: int = 1) -> NetworkSpec:
    """The DCCN of [G22]: DenseNet-121's stem, first three dense blocks and their transitions.

    A 51 × 51 patch becomes 26² and 13² in the stem, 6², 3² and 1² in the transitions, whose 512
    channels a linear layer classifies. The image is covered by a grid of cells of 8 × 8 pixels;
    the patch around a cell's middle says what all of it is. Outside of the image are zeros.

    With three channels and two outputs the parameters, batch normalisation counted, are the
    paper's in all, 4 794 754: stem 9 536, blocks 335 040, 919 680 and 2 837 760 (the paper prints
    1 047 552 and 2 709 888 for the last two), transitions 33 280, 132 096 and 526 336, linear
    1 026. The stem is one scale to a plan, each block with its transition one more: its width is
    the block's growth, and of a transition, which halves the channels, as many as the base has
    for that growth.
    """
    nodes = [
        Node(name="input", op="input", width=in_channels),
        Node(name="patches", op="patches", inputs=("input",), kernel=PATCH, stride=GRID),
        Node(
            name="stem",
            op="conv_bn_relu",
            inputs=("patches",),
            width=STEM,
            kernel=7,
            stride=2,
            thinned=True,
        ),
        Node(name="stem_pool", op="maxpool", inputs=("stem",), kernel=3, stride=2, scale=1),
    ]
    channels = STEM
    for block, layers in enumerate(LAYERS, start=1):
        for layer in range(1, layers + 1):
            nodes += _layer(f"block{block}_{layer}", nodes[-1].name, scale=block)
        channels = (channels + layers * GROWTH) // 2
        nodes += _transition(block, nodes[-1].name, channels)
    nodes += [
        Node(name="linear", op="conv", inputs=(nodes[-1].name,), width=outputs, kernel=1),
        Node(name="logits", op="lay_out", inputs=("linear", "input"), width=outputs, stride=GRID),
    ]
    return NetworkSpec(architecture="dccn", nodes=tuple(nodes), widths=BASE_WIDTHS, grid=GRID)


def _layer(name: str, source: str, *, scale: int) -> list[Node]:
    """A dense layer: 1×1 and 3×3 after normalisation and ReLU, joined to what it read."""

    def convolution(part: str, read: str, kernel: int, share: int) -> Node:
        return Node(
            name=f"{name}_{part}",
            op="bn_relu_conv",
            inputs=(read,),
            width=GROWTH * share,
            kernel=kernel,
            scale=scale,
            thinned=True,
            share=share,
        )

    narrow = convolution("narrow", source, 1, BOTTLENECK)
    wide = convolution("conv", narrow.name, 3, 1)
    joined = Node(name=f"{name}_join", op="concat", inputs=(source, wide.name), scale=scale)
    return [narrow, wide, joined]


def _transition(block: int, source: str, channels: int) -> list[Node]:
    """Half of the channels by a 1×1 convolution, half of the size by averaging."""
    name = f"transition{block}"
    narrow = Node(
        name=name,
        op="bn_relu_conv",
        inputs=(source,),
        width=channels,
        kernel=1,
        scale=block,
        thinned=True,
        share=channels / GROWTH,
    )
    scale = min(block + 1, len(LAYERS))
    pool = Node(name=f"{name}_pool", op="avgpool", inputs=(name,), kernel=2, stride=2, scale=scale)
    return [narrow, pool]
