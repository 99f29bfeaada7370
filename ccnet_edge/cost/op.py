"""What an operator's row of costs holds, and the rules that several rows share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from ccnet_edge.spec.network import Node


class Shape(NamedTuple):
    """A tensor's channels, height and width, and of how many patches of the one image it is."""

    channels: int
    height: int
    width: int
    patches: int = 1

    @property
    def places(self) -> int:
        """How many numbers one channel of it holds."""
        return self.patches * self.height * self.width

    @property
    def values(self) -> int:
        """How many numbers the tensor holds."""
        return self.channels * self.places


@dataclass(frozen=True, kw_only=True)
class Op:
    """One operator's cost.

    `output(node, inputs)` is the shape of its result; `weights(node, inputs)` its convolution
    weights; `macs(node, inputs, output)` its multiply-adds. `trained` and `stored` are values
    per output channel beside the weights: `trained` what training changes (biases, γ, β),
    `stored` what the exported file keeps once batch normalisation is folded into the
    convolution before it. `scaled` are trained values per input channel, γ and β of a
    normalisation that comes before the convolution and cannot be folded. `nodes` is how many
    nodes of an exported graph count for it; a convolution's normalisation and ReLU count with it.
    """

    output: Callable[[Node, tuple[Shape, ...]], Shape]
    weights: Callable[[Node, tuple[Shape, ...]], int] = lambda _node, _inputs: 0
    macs: Callable[[Node, tuple[Shape, ...], Shape], int] = lambda _node, _inputs, _output: 0
    trained: int = 0
    stored: int = 0
    scaled: int = 0
    nodes: int = 1

    @property
    def convolves(self) -> bool:
        """It has weights, so the papers count its output among the feature maps."""
        return self.stored > 0


def swept(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    """The shape after a kernel went over the first input; its channels are the node's."""
    return inputs[0]._replace(
        channels=node.width,
        height=_steps(node, inputs[0].height, node.border),
        width=_steps(node, inputs[0].width, node.border),
    )


def pooled(node: Node, inputs: tuple[Shape, ...]) -> Shape:
    """The same for pooling, which keeps the input's channels."""
    return swept(node, inputs)._replace(channels=inputs[0].channels)


def _steps(node: Node, length: int, border: int) -> int:
    return (length + 2 * border - node.dilation * (node.kernel - 1) - 1) // node.stride + 1


def kernel_weights(node: Node, inputs: tuple[Shape, ...]) -> int:
    """CC21 eq. 4, one layer: FM_i · F_x · F_y · FM_{i+1}."""
    return inputs[0].channels * node.kernel * node.kernel * node.width


def kernel_macs(node: Node, inputs: tuple[Shape, ...], output: Shape) -> int:
    """The kernel's weights, once for every place of the output."""
    return kernel_weights(node, inputs) * output.places
