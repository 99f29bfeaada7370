"""A network as a value: nodes in topological order, thinned by `with_widths`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Literal

from ccnet_edge.errors import ConfigError


def outputs_for(classes: int) -> int:
    """Logits a pixel for so many classes: 1 for two (sigmoid), else one a class (softmax)."""
    return 1 if classes == 2 else classes


@dataclass(frozen=True, kw_only=True)
class Node:
    """One operator.

    `width` is the number of output channels, 0 where the inputs give it (pooling,
    concatenation). `scale` is the resolution that the node belongs to, 0 the input's; a
    transposed convolution belongs to the finer scale that it feeds (CC21, Table 6).
    `thinned` nodes take their width from the plan's entry for their scale: `share` of it,
    rounded, at least 1. `dilation` is the step between a kernel's taps, in pixels; a kernel with
    padding "same" keeps height and width (divided by the stride), one with "valid" loses its
    border.
    """

    name: str
    op: str
    inputs: tuple[str, ...] = ()
    width: int = 0
    kernel: int = 0
    stride: int = 1
    scale: int = 0
    thinned: bool = False
    share: float = 1.0
    dilation: int = 1
    padding: Literal["same", "valid"] = "same"

    @property
    def border(self) -> int:
        """Zeros at every side that make a kernel with padding "same" keep height and width.

        An even kernel has no middle: as torch has it, one of 2 × 2 gets none. Pooling whose cells
        lie side by side needs none either.
        """
        side_by_side = self.op.endswith("pool") and self.kernel == self.stride
        if self.padding == "valid" or side_by_side:
            return 0
        return self.dilation * ((self.kernel - 1) // 2)

    def width_at(self, widths: tuple[int, ...]) -> int:
        """Its channels where scale s has `widths[s]`: its share of them where it is thinned."""
        return max(1, round(widths[self.scale] * self.share)) if self.thinned else self.width


@dataclass(frozen=True, kw_only=True)
class NetworkSpec:
    """A network: the first node is the input, the last the logits at the input's resolution.

    `grid` is the step, in pixels, of a network that classifies patches on a grid; 0 for one that
    sees the whole image at once.

    Raises:
        ConfigError: names twice, an input that comes later, or widths that are not the nodes'.
    """

    architecture: str
    nodes: tuple[Node, ...]
    widths: tuple[int, ...]
    grid: int = 0

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for node in self.nodes:
            if node.name in seen:
                raise ConfigError(f"{self.architecture}: two nodes are named {node.name!r}")
            for name in node.inputs:
                if name not in seen:
                    raise ConfigError(
                        f"{self.architecture}: node {node.name!r} reads {name!r}, "
                        f"which does not stand before it"
                    )
            if node.width != node.width_at(self.widths):
                raise ConfigError(
                    f"{self.architecture}: node {node.name!r} has {node.width} channels, its "
                    f"share of scale {node.scale} is {node.width_at(self.widths)}"
                )
            seen.add(node.name)

    @property
    def scales(self) -> int:
        """The number of resolutions."""
        return len(self.widths)

    @cached_property
    def pixels(self) -> dict[str, Fraction]:
        """How many of the input's pixels, both ways, a pixel of each node's tensor covers."""
        found: dict[str, Fraction] = {}
        for node in self.nodes:
            before = found[node.inputs[0]] if node.inputs else Fraction(1)
            grows = node.op.startswith("up")
            found[node.name] = before / node.stride if grows else before * node.stride
        return found

    @cached_property
    def output_stride(self) -> int:
        """Input height and width have to be multiples of this: the coarsest tensor's pixel."""
        return self.grid or int(max(self.pixels.values()))

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        """The least size, of multiples of the output stride, that holds `height` × `width`."""
        stride = self.output_stride
        return -(-height // stride) * stride, -(-width // stride) * stride

    @property
    def in_channels(self) -> int:
        """Channels of the input image."""
        return self.nodes[0].width

    @property
    def outputs(self) -> int:
        """Channels of the logits: 1 for two classes (sigmoid), else one a class (softmax)."""
        return self.nodes[-1].width

    def with_widths(self, widths: tuple[int, ...]) -> NetworkSpec:
        """The same network with `widths[s]` channels in every thinned node of scale s.

        Raises:
            ConfigError: another number of scales, or a width below 1.
        """
        if len(widths) != self.scales or min(widths) < 1:
            raise ConfigError(
                f"{self.architecture}: {self.scales} widths of at least 1 were wanted, "
                f"found {list(widths)}"
            )
        nodes = tuple(replace(node, width=node.width_at(widths)) for node in self.nodes)
        return replace(self, nodes=nodes, widths=tuple(widths))
