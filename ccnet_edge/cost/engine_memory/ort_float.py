"""What ONNX Runtime does for a float32 network: its fused steps, their layouts and scratch.

Level "extended" keeps channels first: a convolution with its ReLU is one step. Its scratch is a
fixed part of the unfolded image (`MlasConvPrepare`, convolve.cpp). A transposed convolution
multiplies into scratch as large as its output, and keeps its filter turned around.

Level "all" changes to channels in blocks of the processor's vector (nchwc_transformer.cc): a
convolution takes plain input of fewer channels than a block, or blocked input of a multiple of
four; its output is padded to whole blocks: one logit takes as much as sixteen. Pooling stays in
blocks where they are whole. All else, concatenation among it, is plain, so tensors are reordered
on the way, each a copy beside the first.
"""

from __future__ import annotations

from collections.abc import Iterable

from ccnet_edge.cost.engine_memory.steps import Program, Step
from ccnet_edge.cost.shapes import Shape, shapes
from ccnet_edge.spec.network import NetworkSpec, Node

FLOAT = 4
CONVOLUTIONS = frozenset({"conv", "conv_bn_relu"})
# MLAS_SGEMM_STRIDEN · MLAS_SGEMM_STRIDEK floats (convolve.cpp, mlasi.h).
SEGMENT_BYTES = 128 * 128 * FLOAT
# A filter's input channels have to be a multiple of this to be put into blocks.
ALIGNED = 4


def float_program(
    spec: NetworkSpec, *, height: int, width: int, block: int = 0, threads: int = 1
) -> Program:
    """The steps at an input of `height` × `width`.

    Args:
        block: channels a block at level "all"; 0 for layouts that stay plain.
        threads: each has a part of an unfolded image of its own.
    """
    lowering = _Lowering(spec, shapes(spec, height=height, width=width), block, threads)
    for node in spec.nodes[1:]:
        lowering.add(node)
    return Program(
        steps=tuple(lowering.steps), kept=tuple(lowering.kept), packed_bytes=lowering.packed
    )


class _Lowering:
    """Steps as they come; `plain` and `blocked` name a node's tensor in either layout."""

    def __init__(
        self, spec: NetworkSpec, found: dict[str, Shape], block: int, threads: int
    ) -> None:
        self.steps: list[Step] = []
        self.kept: list[int] = []
        self.packed = 0
        self._found, self._block, self._threads = found, block, threads
        self._last = spec.nodes[-1].name
        self._plain = {spec.nodes[0].name: spec.nodes[0].name}
        self._blocked: dict[str, str] = {}
        self._readers: dict[str, list[Node]] = {}
        for node in spec.nodes:
            for name in node.inputs:
                self._readers.setdefault(name, []).append(node)

    def add(self, node: Node) -> None:
        """The steps of one node."""
        if self._in_blocks(node):
            self._add_blocked(node)
        else:
            self._add_plain(node)

    def _in_blocks(self, node: Node) -> bool:
        channels = self._found[node.inputs[0]].channels
        if not self._block:
            return False
        if node.op in CONVOLUTIONS:
            return channels < self._block or channels % ALIGNED == 0
        return node.op == "maxpool" and channels % self._block == 0

    def _takes_blocks(self, node: Node) -> bool:
        return self._in_blocks(node) and self._found[node.inputs[0]].channels >= self._block

    def _add_blocked(self, node: Node) -> None:
        source = node.inputs[0]
        name = f"{node.name} in blocks"
        reads = self._as_blocks(source) if self._takes_blocks(node) else self._plain[source]
        self._put(name, self._padded(node.name), (reads,))
        self._blocked[node.name] = name
        readers = self._readers.get(node.name, ())
        if node.name == self._last or not all(map(self._takes_blocks, readers)):
            self._put(node.name, self._found[node.name], (name,))
            self._plain[node.name] = node.name
        if node.op in CONVOLUTIONS:
            channels = self._found[source].channels
            if channels >= self._block:
                channels = _rounded(channels, self._block)
            filters = _rounded(node.width, self._block)
            self.packed += FLOAT * channels * filters * node.kernel**2

    def _as_blocks(self, source: str) -> str:
        if source not in self._blocked:
            self._blocked[source] = f"{source} put into blocks"
            self._put(self._blocked[source], self._padded(source), (self._plain[source],))
        return self._blocked[source]

    def _add_plain(self, node: Node) -> None:
        scratch: tuple[int, ...] = ()
        made, source = self._found[node.name], self._found[node.inputs[0]]
        weights = FLOAT * source.channels * node.width * node.kernel**2
        if node.op in CONVOLUTIONS and node.kernel > 1:
            scratch = (self._unfolded(node),)
        elif node.op == "upconv":
            scratch = (FLOAT * made.values,)
            self.kept.append(weights)
        self._put(node.name, made, [self._plain[name] for name in node.inputs], scratch)
        self._plain[node.name] = node.name

    def _unfolded(self, node: Node) -> int:
        """All of the unfolded image where filters outnumber pixels, else a segment a thread."""
        made = self._found[node.name]
        pixels = made.height * made.width
        if made.channels > pixels:
            return FLOAT * pixels * self._found[node.inputs[0]].channels * node.kernel**2
        return SEGMENT_BYTES * self._threads

    def _padded(self, name: str) -> Shape:
        shape = self._found[name]
        return shape._replace(channels=_rounded(shape.channels, self._block))

    def _put(
        self, name: str, shape: Shape, inputs: Iterable[str], scratch: tuple[int, ...] = ()
    ) -> None:
        self.steps.append(
            Step(name=name, kind=(FLOAT, *shape), inputs=tuple(inputs), scratch=scratch)
        )


def _rounded(count: int, multiple: int) -> int:
    return -(-count // multiple) * multiple
