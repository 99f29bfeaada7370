"""A SqueezeNet-style U-Net: Fire modules in place of 3×3 convolutions."""

from __future__ import annotations

from ccnet_edge.architectures.parts import UNET_WIDTHS, conv, join
from ccnet_edge.architectures.ushape import ushape
from ccnet_edge.spec.network import NetworkSpec, Node

# A Fire module's squeeze layer has this share of the channels that it gives.
SQUEEZE = 0.4


def squeezeunet(in_channels: int = 3, outputs: int = 1) -> NetworkSpec:
    """A U-Net whose convolutions are Fire modules (Iandola et al., arXiv:1602.07360, 2016).

    A module squeezes its input by a 1×1 convolution, then gives half of its channels by a 1×1 and
    half by a 3×3 convolution. CC21 Table 10 prints log θ 7.049 for its SqueezeNet-style U-Net and
    not its layout; squeezing to 0.4 of the channels gives 11.02 M weights, log θ 7.042.
    """
    return ushape("squeezeunet", _stage, in_channels=in_channels, outputs=outputs)


def _stage(name: str, source: str, scale: int) -> list[Node]:
    first = fire(f"{name}_fire1", source, scale)
    return [*first, *fire(f"{name}_fire2", first[-1].name, scale)]


def fire(name: str, source: str, scale: int) -> list[Node]:
    """A Fire module with batch normalisation: squeeze 1×1, expand 1×1 and 3×3, joined."""
    width, squeezed = UNET_WIDTHS[scale], f"{name}_squeeze"
    narrow, wide = f"{name}_expand1", f"{name}_expand3"
    return [
        conv(squeezed, source, width=width, scale=scale, kernel=1, share=SQUEEZE),
        conv(narrow, squeezed, width=width, scale=scale, kernel=1, share=0.5),
        conv(wide, squeezed, width=width, scale=scale, kernel=3, share=0.5),
        join(name, (narrow, wide), scale=scale),
    ]
