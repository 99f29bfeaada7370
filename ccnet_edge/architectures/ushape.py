"""The U shape with any block in its stages: encoder, pooling, transposed convolutions, skips."""

from __future__ import annotations

from collections.abc import Callable

from ccnet_edge.architectures.parts import UNET_WIDTHS, head, join, pool, up
from ccnet_edge.spec.network import NetworkSpec, Node

# (name, source, scale) → a stage's nodes; the last is its output.
Stage = Callable[[str, str, int], list[Node]]


def ushape(architecture: str, stage: Stage, *, in_channels: int, outputs: int) -> NetworkSpec:
    """A network of five scales of `UNET_WIDTHS`, whose stages are made by `stage`."""
    nodes = [Node(name="input", op="input", width=in_channels)]
    skips = []
    deepest = len(UNET_WIDTHS) - 1
    for scale in range(deepest):
        nodes += stage(f"encoder{scale}", nodes[-1].name, scale)
        skips.append(nodes[-1].name)
        nodes.append(pool(f"encoder{scale}_pool", nodes[-1].name, scale=scale + 1))
    nodes += stage("bottleneck", nodes[-1].name, deepest)
    for scale in reversed(range(deepest)):
        name = f"decoder{scale}"
        grown = up(f"{name}_up", nodes[-1].name, width=UNET_WIDTHS[scale], scale=scale)
        nodes += [grown, join(f"{name}_join", (skips[scale], grown.name), scale=scale)]
        nodes += stage(name, nodes[-1].name, scale)
    nodes.append(head("head", nodes[-1].name, outputs=outputs))
    return NetworkSpec(architecture=architecture, nodes=tuple(nodes), widths=UNET_WIDTHS)
