"""NetworkSpec → row program, with the planner's choices: how skips are kept, which kernels run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ccnet_edge.errors import ConfigError
from ccnet_edge.native.ir import RowOp, RowProgram, with_halos
from ccnet_edge.native.ops import Source, find_op
from ccnet_edge.spec.network import NetworkSpec, Node

Keep = Literal["fp32", "fp16", "recompute"]


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What may be chosen for a network: time against memory, without changing its function.

    `skips` says how a skip is kept until the decoder reads it, by the encoder's node: in fp32,
    in fp16 (halves it, and rounds), or not at all (its rows are computed a second time).
    Nodes that are not named are kept in fp32. `winograd` are the nodes whose 3×3 convolution
    goes by F(2×2, 3×3).
    """

    skips: tuple[tuple[str, Keep], ...] = ()
    winograd: frozenset[str] = frozenset()


def skips_of(network: NetworkSpec) -> tuple[str, ...]:
    """Nodes that a concatenation reads and another node as well: what waits for the decoder."""
    readers: dict[str, list[Node]] = {}
    for node in network.nodes:
        for name in dict.fromkeys(node.inputs):
            readers.setdefault(name, []).append(node)
    return tuple(
        name
        for name, found in readers.items()
        if len(found) > 1 and any(node.op == "concat" for node in found)
    )


def keep_skips(
    skips: Sequence[str], *, again: int, rest: Keep = "fp32"
) -> tuple[tuple[str, Keep], ...]:
    """The first `again` of the skips computed twice, the others kept as `rest`."""
    return tuple((name, "recompute" if i < again else rest) for i, name in enumerate(skips))


def lower(
    network: NetworkSpec, *, height: int, width: int, choices: Choices | None = None
) -> RowProgram:
    """The row program of a network for images of one size.

    Raises:
        ConfigError: a size that the scales do not divide, or an operator's shape that the
            engine does not have.
        UsageError: an operator that it does not have.
    """
    stride = network.output_stride
    if height % stride or width % stride or min(height, width) < stride:
        raise ConfigError(
            f"a height and width that {stride} divides were wanted, found {height} × {width}",
            hint=f"use {_up(height, stride)} × {_up(width, stride)}",
        )
    lowering = _Lowering(network, height, width, choices or Choices())
    return RowProgram(ops=with_halos(_reached(lowering.run())))


def _reached(ops: list[RowOp]) -> list[RowOp]:
    """The operators that the last one depends on.

    A node that only concatenations read has no reader left where each computes it again.
    """
    wanted = {len(ops) - 1}
    for index in range(len(ops) - 1, -1, -1):
        if index in wanted:
            wanted.update(ops[index].sources)
    places = {old: new for new, old in enumerate(sorted(wanted))}
    return [
        replace(
            ops[old],
            sources=tuple(places[source] for source in ops[old].sources),
            pushes=tuple(places[pushed] for pushed in ops[old].pushes if pushed in places),
        )
        for old in places
    ]


def _up(value: int, stride: int) -> int:
    return -(-value // stride) * stride


class _Lowering:
    """Builds the operators; `values` are what the network's nodes have become."""

    def __init__(self, network: NetworkSpec, height: int, width: int, choices: Choices) -> None:
        self._network = network
        self._nodes = {node.name: node for node in network.nodes}
        self._choices = choices
        self._keep = dict(choices.skips)
        self._skips = set(skips_of(network))
        unknown = set(self._keep) - self._skips
        if unknown:
            raise ConfigError(
                f"skips of {network.architecture} were wanted ({', '.join(sorted(self._skips))}), "
                f"found {', '.join(sorted(unknown))}"
            )
        image = RowOp(
            name="image", kind="image", channels=network.in_channels, height=height, width=width
        )
        self._ops: list[RowOp] = [image]
        self._values: dict[str, Source] = {}

    def run(self) -> list[RowOp]:
        for node in self._network.nodes:
            self._values[node.name] = self._value(node, self._values, suffix="")
        last = self._values[self._network.nodes[-1].name]
        if last.parts != (len(self._ops) - 1,):
            raise ConfigError(
                f"{self._network.architecture}: a network whose last node is an operator of its "
                f"own was wanted, found {self._network.nodes[-1].op}"
            )
        return self._ops

    def _value(self, node: Node, values: dict[str, Source], *, suffix: str) -> Source:
        make = find_op(node)
        if make is None:
            return _join([self._kept(name, values) for name in node.inputs])
        source = _join([values[name] for name in node.inputs]) if node.inputs else self._image()
        op = make(node, source, node.name in self._choices.winograd)
        return self._add(replace(op, name=op.name + suffix))

    def _kept(self, name: str, values: dict[str, Source]) -> Source:
        """The value that a concatenation reads, kept as it was chosen."""
        keep = self._keep.get(name, "fp32") if name in self._skips else "fp32"
        if keep == "fp16":
            return self._packed(name, values[name])
        if keep == "recompute":
            return self._again(name)
        return values[name]

    def _packed(self, name: str, source: Source) -> Source:
        """Rows packed to fp16 as soon as they are made, and unpacked when they are read."""
        template = RowOp(
            name=f"{name}.half",
            kind="half",
            channels=source.channels,
            height=source.height,
            width=source.width,
            sources=source.parts,
            in_channels=source.channels,
            scale=self._nodes[name].scale,
        )
        packed = self._add(template)
        for part in source.parts:
            maker = self._ops[part]
            self._ops[part] = replace(maker, pushes=(*maker.pushes, packed.parts[0]))
        return self._add(
            replace(template, name=f"{name}.float", kind="float", sources=packed.parts)
        )

    def _again(self, name: str) -> Source:
        """Second operators for a node and all that it is made from."""
        again: dict[str, Source] = {}
        wanted = _ancestors(self._nodes, name)
        for node in self._network.nodes:
            if node.name in wanted:
                again[node.name] = self._value_again(node, again, suffix=f".{name}.again")
        return again[name]

    def _value_again(self, node: Node, values: dict[str, Source], *, suffix: str) -> Source:
        if find_op(node) is None:
            return _join([values[name] for name in node.inputs])
        return self._value(node, values, suffix=suffix)

    def _image(self) -> Source:
        image = self._ops[0]
        return Source(parts=(0,), channels=image.channels, height=image.height, width=image.width)

    def _add(self, op: RowOp) -> Source:
        self._ops.append(op)
        return Source(
            parts=(len(self._ops) - 1,), channels=op.channels, height=op.height, width=op.width
        )


def _join(sources: list[Source]) -> Source:
    """The sources' channels one after the other.

    Raises:
        ConfigError: sources of different sizes.
    """
    sizes = {(source.height, source.width) for source in sources}
    if len(sizes) != 1:
        raise ConfigError(f"sources of one size were wanted, found {sorted(sizes)}")
    return Source(
        parts=tuple(part for source in sources for part in source.parts),
        channels=sum(source.channels for source in sources),
        height=sources[0].height,
        width=sources[0].width,
    )


def _ancestors(nodes: dict[str, Node], name: str) -> set[str]:
    found: set[str] = set()
    left = [name]
    while left:
        current = left.pop()
        if current not in found:
            found.add(current)
            left.extend(nodes[current].inputs)
    return found
