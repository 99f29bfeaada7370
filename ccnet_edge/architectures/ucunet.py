"""UCU-Net: U-Net's encoder and decoder, of which every scale has a say in the output."""

from __future__ import annotations

from ccnet_edge.architectures.parts import add, head, to_full
from ccnet_edge.architectures.unet import unet
from ccnet_edge.spec.network import NetworkSpec


def ucunet(in_channels: int = 3, outputs: int = 1) -> NetworkSpec:
    """UCU-Net (Mishra, Chen & Hu, ISBI 2020): U-Net with CUMedVision's branches on its decoder.

    The bottleneck and every scale of the decoder give logits at full resolution, by a transposed
    convolution as wide as its step (the finest by a 1×1 convolution), and all are added. The
    papers do not print its size; this one has 31.32 M convolution weights with one channel in and
    one out, log θ 7.496: the U-Net's 31.02 M and 0.30 M in the branches.
    """
    base = unet(in_channels, outputs)
    heads = [head("branch0", "decoder0_conv2", outputs=outputs)]
    deepest = base.scales - 1
    for scale in range(1, deepest + 1):
        source = "bottleneck_conv2" if scale == deepest else f"decoder{scale}_conv2"
        heads.append(to_full(f"branch{scale}", source, outputs=outputs, times=2**scale))
    fused = add("logits", tuple(node.name for node in heads), width=outputs)
    return NetworkSpec(
        architecture="ucunet", nodes=(*base.nodes[:-1], *heads, fused), widths=base.widths
    )
