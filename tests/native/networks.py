"""Random networks from the table of operators: any topology that lowers, small, no dead ends."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

from ccnet_edge.architectures.unet import unet
from ccnet_edge.native import Choices
from ccnet_edge.native.lower import Keep, skips_of
from ccnet_edge.spec.network import NetworkSpec, Node

# Between two whole numbers, both possible.
Choose = Callable[[int, int], int]
KEEPS: tuple[Keep, ...] = ("fp32", "fp16", "recompute")


@dataclass(frozen=True, kw_only=True)
class Case:
    """A network, an image size that it takes, and how the native engine is to run it."""

    network: NetworkSpec
    height: int
    width: int
    choices: Choices


@dataclass
class _Growing:
    """A network that is being made, node by node."""

    choose: Choose
    most_width: int
    nodes: list[Node] = field(default_factory=list)

    def add(self, op: str, inputs: tuple[str, ...], **fields: int) -> str:
        name = f"n{len(self.nodes)}_{op}"
        self.nodes.append(replace(Node(name=name, op=op, inputs=inputs), **fields))  # type: ignore[arg-type]
        return name

    def conv(self, source: str, scale: int, stride: int = 1) -> str:
        kernel = (3, 3, 3, 1, 5, 7)[self.choose(0, 5)]
        op = ("conv_bn_relu", "conv_bn_relu", "conv")[self.choose(0, 2)]
        width = self.choose(1, self.most_width)
        return self.add(op, (source,), width=width, kernel=kernel, stride=stride, scale=scale)

    def level(self, source: str, scale: int, shrinks: int) -> str:
        """Convolutions, perhaps a coarser level between them, perhaps skips over it."""
        live = [source]
        for _ in range(self.choose(1, 2)):
            live.append(self.conv(live[-1], scale))
            if self.choose(0, 1):
                live.append(self.join(live, scale))
            if shrinks and self.choose(0, 3):
                live.append(self.inner(live[-1], scale, shrinks))
                if self.choose(0, 1):
                    live.append(self.join(live, scale))
        return live[-1] if scale and self.choose(0, 1) else self.conv(live[-1], scale)

    def inner(self, source: str, scale: int, shrinks: int) -> str:
        """A coarser level between a step down and the step up again."""
        factor = self.choose(2, 4)
        if factor < 4 and self.choose(0, 2):
            down = self.add("maxpool", (source,), kernel=factor, stride=factor, scale=scale + 1)
        else:
            down = self.conv(source, scale + 1, stride=factor)
        inside = self.level(down, scale + 1, shrinks - 1)
        width = self.choose(1, self.most_width)
        shape = {"width": width, "kernel": factor, "stride": factor, "scale": scale}
        return self.add("upconv", (inside,), **shape)

    def join(self, live: list[str], scale: int) -> str:
        """The last value and one to three others, some perhaps twice, in any order."""
        found = [live[-1], *(live[self.choose(0, len(live) - 1)] for _ in range(self.choose(1, 3)))]
        first = self.choose(0, len(found) - 1)
        return self.add("concat", tuple(found[first:] + found[:first]), scale=scale)


def random_case(choose: Choose, *, shrinks: int = 2, most_width: int = 7, cells: int = 4) -> Case:
    """A network, choices, and a size of up to `cells` times what it has to be a multiple of."""
    growing = _Growing(choose, most_width)
    growing.add("input", (), width=choose(1, 4))
    value = growing.level("n0_input", 0, shrinks)
    outputs = (1, 1, 2, 3)[choose(0, 3)]
    growing.add("conv", (value,), width=outputs, kernel=(1, 3)[choose(0, 1)])
    factors = _multiple(growing.nodes)
    # The stride of sizes that the specification promises: the powers of two among the factors.
    scales = (factors & -factors).bit_length()
    network = NetworkSpec(architecture="any", nodes=tuple(growing.nodes), widths=(1,) * scales)
    keep = tuple((name, KEEPS[choose(0, 2)]) for name in skips_of(network))
    pairs = frozenset(node.name for node in network.nodes if node.kernel == 3 and choose(0, 1))
    return Case(
        network=network,
        height=factors * choose(1, cells),
        width=factors * choose(1, 3 * cells),
        choices=Choices(skips=keep, winograd=pairs),
    )


def _multiple(nodes: list[Node]) -> int:
    """What sizes have to be multiples of: the least that every way down divides."""
    shrunk: dict[str, int] = {}
    most = 1
    for node in nodes:
        at = max((shrunk[name] for name in node.inputs), default=1)
        shrunk[node.name] = at // node.stride if node.op == "upconv" else at * node.stride
        most = math.lcm(most, shrunk[node.name])
    return most


@st.composite
def cases(draw: st.DrawFn, *, shrinks: int = 2) -> Case:
    """Random networks for hypothesis."""
    return random_case(lambda low, high: draw(st.integers(low, high)), shrinks=shrinks)


def seeded_case(seed: int, *, shrinks: int = 2, most_width: int = 7, cells: int = 4) -> Case:
    """The random network of a number."""
    choose = random.Random(seed).randint
    return random_case(choose, shrinks=shrinks, most_width=most_width, cells=cells)


def thin_unet(widths: tuple[int, ...], *, in_channels: int = 3, outputs: int = 1) -> NetworkSpec:
    """The U-Net with these channels."""
    return unet(in_channels, outputs).with_widths(widths)
