"""What several networks are made of: convolutions, pooling, and ways back to full resolution."""

from __future__ import annotations

from ccnet_edge.spec.network import Node

# Widths of the U-Net family; CC21 Table 6 prints them as the base of its plans.
UNET_WIDTHS = (64, 128, 256, 512, 1024)


def conv(
    name: str, source: str, *, width: int, scale: int, kernel: int = 3, share: float = 1.0
) -> Node:
    """A thinned convolution with batch normalisation and ReLU; `width` is its scale's."""
    return Node(
        name=name,
        op="conv_bn_relu",
        inputs=(source,),
        width=max(1, round(width * share)),
        kernel=kernel,
        scale=scale,
        thinned=True,
        share=share,
    )


def pool(name: str, source: str, *, scale: int) -> Node:
    """2×2 max pooling to `scale`."""
    return Node(name=name, op="maxpool", inputs=(source,), kernel=2, stride=2, scale=scale)


def up(name: str, source: str, *, width: int, scale: int) -> Node:
    """A thinned 2×2 transposed convolution to `scale`, the finer one that it feeds."""
    return Node(
        name=name,
        op="upconv",
        inputs=(source,),
        width=width,
        kernel=2,
        stride=2,
        scale=scale,
        thinned=True,
    )


def to_full(name: str, source: str, *, outputs: int, times: int) -> Node:
    """Logits at `times` the resolution of `source`, by a transposed convolution of that kernel."""
    return Node(name=name, op="upconv", inputs=(source,), width=outputs, kernel=times, stride=times)


def head(name: str, source: str, *, outputs: int, scale: int = 0) -> Node:
    """Logits at the resolution of `source`: a 1×1 convolution with bias."""
    return Node(name=name, op="conv", inputs=(source,), width=outputs, kernel=1, scale=scale)


def join(name: str, sources: tuple[str, ...], *, scale: int) -> Node:
    """Concatenation along the channels."""
    return Node(name=name, op="concat", inputs=sources, scale=scale)


def add(name: str, sources: tuple[str, ...], *, width: int, scale: int = 0) -> Node:
    """The sum of tensors of one shape."""
    return Node(name=name, op="add", inputs=sources, width=width, scale=scale)
