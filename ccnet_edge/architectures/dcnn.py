"""DCNN: the patch classifier of [G22], as a dense network that gives the same at every pixel."""

from __future__ import annotations

from ccnet_edge.spec.network import NetworkSpec, Node

# Götz et al., J. Pathology Informatics 2022: three convolutions, then 720 → 1024 → classes.
BASE_WIDTHS = (25, 50, 80, 1024)
KERNELS = (4, 5, 6)
PATCH = 51
CELLS = 3  # a side of what the last pooling, which rounds up, leaves: 80 · 3² = 720


def dcnn(in_channels: int = 3, outputs: int = 1) -> NetworkSpec:
    """The DCNN of [G22] over whole images: what its 51 × 51 patch classifier says of each pixel.

    A patch goes through convolutions of 4×4, 5×5 and 6×6 without padding, each followed by a ReLU
    and 2×2 max pooling (51 → 48 → 24 → 20 → 10 → 5 → 3, the last rounding up), and two fully
    connected layers. Here nothing is subsampled: every kernel after a pooling is dilated by 2
    more, as in "à trous" (Giusti et al., ICIP 2013), so all overlapping patches are computed at
    once and exactly. The image stands in a border of zeros.

    With three channels and two outputs its parameters are those of the paper's layers, with
    biases: 1 225, 31 300, 144 080, 738 304 (which the paper's table misprints), 2 050. Every layer
    is a scale of its own to a plan: it has its own width, and the complexity of the resolution
    that the patch classifier works at there.
    """
    nodes = [
        Node(name="input", op="input", width=in_channels),
        Node(name="border", op="border", inputs=("input",), kernel=PATCH),
    ]
    for scale, kernel in enumerate(KERNELS):
        step = 2**scale
        nodes.append(
            Node(
                name=f"conv{scale + 1}",
                op="conv_relu",
                inputs=(nodes[-1].name,),
                width=BASE_WIDTHS[scale],
                kernel=kernel,
                scale=scale,
                thinned=True,
                dilation=step,
                padding="valid",
            )
        )
        if scale < len(KERNELS) - 1:
            nodes.append(
                Node(
                    name=f"pool{scale + 1}",
                    op="dilated_pool",
                    inputs=(nodes[-1].name,),
                    kernel=2,
                    scale=scale + 1,
                    dilation=step,
                    padding="valid",
                )
            )
    nodes.append(
        Node(
            name="dense1",
            op="cells_conv_relu",
            inputs=(nodes[-1].name,),
            width=BASE_WIDTHS[-1],
            kernel=CELLS,
            scale=len(KERNELS),
            thinned=True,
            dilation=2 ** len(KERNELS),
            padding="valid",
        )
    )
    nodes.append(Node(name="head", op="conv", inputs=("dense1",), width=outputs, kernel=1))
    return NetworkSpec(architecture="dcnn", nodes=tuple(nodes), widths=BASE_WIDTHS)
