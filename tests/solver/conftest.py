"""Small networks, and the lymph node problem of the papers."""

import pytest

from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.degradation import find_preset
from ccnet_edge.spec.complexity import ImageComplexity
from ccnet_edge.spec.network import NetworkSpec, Node
from ccnet_edge.spec.plan import Degradation

LYMPH = (0.1518, 0.0857, 0.0655, 0.0496, 0.0375)


@pytest.fixture
def unet() -> NetworkSpec:
    return ARCHITECTURES["unet"](in_channels=1, outputs=1)


@pytest.fixture
def lymph() -> ImageComplexity:
    return ImageComplexity.given(LYMPH)


@pytest.fixture
def cc21() -> Degradation:
    return find_preset("cc21", architecture="unet", metric="f1")


def small_network(widths: tuple[int, ...], *, in_channels: int) -> NetworkSpec:
    """A U-shape of one convolution a stage: few nodes, and peak memory that is not separable."""
    nodes = [Node(name="input", op="input", width=in_channels)]
    for scale, width in enumerate(widths):
        if scale:
            source = nodes[-1].name
            nodes.append(
                Node(
                    name=f"pool{scale}",
                    op="maxpool",
                    inputs=(source,),
                    kernel=2,
                    stride=2,
                    scale=scale,
                )
            )
        nodes.append(
            Node(
                name=f"down{scale}",
                op="conv_bn_relu",
                inputs=(nodes[-1].name,),
                width=width,
                kernel=3,
                scale=scale,
                thinned=True,
            )
        )
    for scale in reversed(range(len(widths) - 1)):
        up = Node(
            name=f"up{scale}",
            op="upconv",
            inputs=(nodes[-1].name,),
            width=widths[scale],
            kernel=2,
            stride=2,
            scale=scale,
            thinned=True,
        )
        join = Node(name=f"join{scale}", op="concat", inputs=(f"down{scale}", up.name), scale=scale)
        nodes += [up, join]
    nodes.append(Node(name="head", op="conv", inputs=(nodes[-1].name,), width=1, kernel=1))
    return NetworkSpec(architecture="small", nodes=tuple(nodes), widths=widths)
