"""FCN-8s: VGG-16's convolutions, and scores of three scales added on the way up."""

from __future__ import annotations

from ccnet_edge.architectures.parts import add, conv, head, pool, to_full
from ccnet_edge.spec.network import NetworkSpec, Node

# Scales 0 to 4 are VGG-16's (Simonyan & Zisserman 2015), the last is "fc6".
BASE_WIDTHS = (64, 128, 256, 512, 512, 4096)
CONVOLUTIONS = (2, 2, 3, 3, 3)
# "fc7" has this share of fc6's channels.
NARROW = 1 / 8


def fcn(in_channels: int = 3, outputs: int = 1) -> NetworkSpec:
    """FCN-8s (Long, Shelhamer & Darrell, CVPR 2015) for the papers' size.

    CC19 prints log θ 7.552 for its FCN and not its layout. Here VGG-16's thirteen convolutions
    (14.71 M weights) are followed by a 3×3 convolution to 4096 channels in place of the 7×7 one,
    and a 1×1 convolution back to 512: 35.68 M weights, log θ 7.5525, which is 0.0005 above what
    is printed; Long et al.'s own, with 4096 channels twice and a 7×7 kernel, has 134 M. Scores of
    1/8, 1/16 and 1/32 are added, each after a 2×2 transposed convolution, and the sum goes to
    full resolution by one of 8×8. Every convolution has batch normalisation, as in CC21.
    """
    nodes = [Node(name="input", op="input", width=in_channels)]
    for scale, count in enumerate(CONVOLUTIONS):
        for i in range(1, count + 1):
            name = f"conv{scale}_{i}"
            nodes.append(conv(name, nodes[-1].name, width=BASE_WIDTHS[scale], scale=scale))
        nodes.append(pool(f"pool{scale + 1}", nodes[-1].name, scale=scale + 1))
    deepest = len(CONVOLUTIONS)
    nodes += [
        conv("fc6", nodes[-1].name, width=BASE_WIDTHS[deepest], scale=deepest),
        conv("fc7", "fc6", width=BASE_WIDTHS[deepest], scale=deepest, kernel=1, share=NARROW),
        head("score5", "fc7", outputs=outputs, scale=deepest),
    ]
    for scale in (4, 3):
        above = nodes[-1].name
        doubled = Node(
            name=f"up{scale}",
            op="upconv",
            inputs=(above,),
            width=outputs,
            kernel=2,
            stride=2,
            scale=scale,
        )
        score = head(f"score{scale}", f"pool{scale}", outputs=outputs, scale=scale)
        fused = add(f"fuse{scale}", (doubled.name, score.name), width=outputs, scale=scale)
        nodes += [doubled, score, fused]
    nodes.append(to_full("logits", nodes[-1].name, outputs=outputs, times=8))
    return NetworkSpec(architecture="fcn", nodes=tuple(nodes), widths=BASE_WIDTHS)
