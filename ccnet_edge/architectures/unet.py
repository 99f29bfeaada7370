"""U-Net: two 3×3 convolutions a stage, a mirrored decoder, skips joined by concatenation."""

from __future__ import annotations

from ccnet_edge.architectures.parts import UNET_WIDTHS, conv
from ccnet_edge.architectures.ushape import ushape
from ccnet_edge.spec.network import NetworkSpec, Node


def unet(in_channels: int = 3, outputs: int = 1) -> NetworkSpec:
    """The U-Net of both papers (Ronneberger et al., MICCAI 2015): same padding, batch
    normalisation, 2×2 transposed convolutions.

    A transposed convolution belongs to the finer scale that it feeds, so a scale's width is
    the same in encoder and decoder and its concatenation has twice as many channels.
    """  # noqa: D205
    return ushape("unet", stage, in_channels=in_channels, outputs=outputs)


def stage(name: str, source: str, scale: int) -> list[Node]:
    """Two 3×3 convolutions with batch normalisation and ReLU."""
    first, second = f"{name}_conv1", f"{name}_conv2"
    width = UNET_WIDTHS[scale]
    return [
        conv(first, source, width=width, scale=scale),
        conv(second, first, width=width, scale=scale),
    ]
