"""CUMedVision: a VGG-like encoder with three branches to full resolution, fused by addition."""

from __future__ import annotations

from ccnet_edge.architectures.parts import add, conv, pool, to_full
from ccnet_edge.spec.network import NetworkSpec, Node

# Chen, Qi, Cheng & Heng, "Deep contextual networks for neuronal structure segmentation", AAAI 2016.
BASE_WIDTHS = (64, 128, 256, 512)
CONVOLUTIONS = (2, 2, 3, 3)


def cumedvision(in_channels: int = 3, outputs: int = 1) -> NetworkSpec:
    """CUMedVision: convolutions 64-64, 128-128, 256-256-256, 512-512-512, pooling between.

    From each scale below full resolution a transposed convolution, as wide as its step (2, 4, 8),
    gives logits at full resolution, and the three are added. Every convolution is followed by
    batch normalisation and ReLU, as in CC21. With three input channels and two outputs it has
    7 707 328 convolution weights, log θ 6.887 as CC19 prints; 7 632 576 of them shrink with α²
    and 74 752, the branches', with α. With the one output of two classes log θ is 6.885.
    """
    nodes = [Node(name="input", op="input", width=in_channels)]
    branches = []
    for scale, count in enumerate(CONVOLUTIONS):
        if scale:
            nodes.append(pool(f"pool{scale}", nodes[-1].name, scale=scale))
        for i in range(1, count + 1):
            name = f"conv{scale}_{i}"
            nodes.append(conv(name, nodes[-1].name, width=BASE_WIDTHS[scale], scale=scale))
        if scale:
            branches.append((scale, nodes[-1].name))
    heads = [
        to_full(f"branch{scale}", source, outputs=outputs, times=2**scale)
        for scale, source in branches
    ]
    fused = add("logits", tuple(node.name for node in heads), width=outputs)
    return NetworkSpec(
        architecture="cumedvision", nodes=(*nodes, *heads, fused), widths=BASE_WIDTHS
    )
