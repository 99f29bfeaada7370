"""What ONNX Runtime does for an int8 network (QDQ, uint8 activations, int8 weights a channel).

A quantised convolution (qlinearconv.cc) has scratch many times its output: sums in int32, the
image and the result with channels last, the unfolded image, nine times the input. NOTE: sessions
ask for sums that do not overflow on any x86 (`backends.ort`), for which weights are converted
once, into a second copy, and the kernels that unfold nothing are left out.

Level "all" keeps channels last between convolutions and pooling, and turns a tensor around where
it meets another operator. Transposed convolutions stay float32, between a conversion to it
and one back, and so does the last convolution, since logits are not rounded; their weights
are converted anew in each inference.
"""

from __future__ import annotations

from collections.abc import Iterable

from ccnet_edge.cost.engine_memory.ort_float import CONVOLUTIONS, FLOAT
from ccnet_edge.cost.engine_memory.steps import Program, Step
from ccnet_edge.cost.shapes import Shape, shapes
from ccnet_edge.spec.network import NetworkSpec, Node

BYTE, ADDRESS = 1, 8
# nhwc_max_pool.cc: addresses of 4 inputs for 512 outputs at a time.
POOL_BYTES = 4 * 512 * ADDRESS


def int8_program(
    spec: NetworkSpec, *, height: int, width: int, channels_last: bool = False
) -> Program:
    """The steps at an input of `height` × `width`; `channels_last` is level "all"."""
    lowering = _Lowering(spec, shapes(spec, height=height, width=width), channels_last)
    for node in spec.nodes[1:]:
        lowering.add(node)
    return Program(steps=tuple(lowering.steps))


class _Lowering:
    """Steps as they come; `first` and `last` name a node's tensor by where its channels lie."""

    def __init__(self, spec: NetworkSpec, found: dict[str, Shape], channels_last: bool) -> None:
        self.steps: list[Step] = []
        self._found, self._channels_last = found, channels_last
        self._input, self._output = spec.nodes[0].name, spec.nodes[-1].name
        self._first = {self._input: f"{self._input} in bytes"}
        self._last: dict[str, str] = {}
        self._stay = {node.name for node in spec.nodes if self._stays_last(node)}
        self._readers: dict[str, list[str]] = {}
        for node in spec.nodes:
            for name in node.inputs:
                self._readers.setdefault(name, []).append(node.name)
        self._put(self._first[self._input], (BYTE, *found[self._input]), (self._input,))

    def add(self, node: Node) -> None:
        """The steps of one node."""
        if node.op == "upconv" or node.name == self._output:
            self._add_float(node)
            return
        if node.name in self._stay:
            self._add_last(node)
        else:
            scratch = self._scratch(node) if node.op in CONVOLUTIONS else ()
            inputs = [self._first[name] for name in node.inputs]
            self._put(node.name, (BYTE, *self._found[node.name]), inputs, scratch)
            self._first[node.name] = node.name

    def _stays_last(self, node: Node) -> bool:
        if not self._channels_last or node.name == self._output:
            return False
        # Pooling follows what it reads; in these networks that is a convolution.
        return node.op in CONVOLUTIONS or node.op == "maxpool"

    def _add_last(self, node: Node) -> None:
        source, name = node.inputs[0], f"{node.name} channels last"
        if source not in self._last:
            self._last[source] = f"{source} turned to channels last"
            self._put(self._last[source], self._turned(source), (self._first[source],))
        scratch = self._scratch(node) if node.op in CONVOLUTIONS else (POOL_BYTES,)
        self._put(name, self._turned(node.name), (self._last[source],), scratch)
        self._last[node.name] = name
        readers = self._readers.get(node.name, ())
        if not self._stay.issuperset(readers):
            self._put(node.name, (BYTE, *self._found[node.name]), (name,))
            self._first[node.name] = node.name

    def _scratch(self, node: Node) -> tuple[int, ...]:
        made, read = self._found[node.name], self._found[node.inputs[0]]
        sums = (FLOAT * made.values,)
        turned = () if self._channels_last else (read.values, made.values)
        if node.kernel == 1:
            return (*sums, *turned)
        return (*sums, *turned, read.channels * made.height * made.width * node.kernel**2)

    def _add_float(self, node: Node) -> None:
        """Into float32, a convolution with converted weights, and back where it is not the last."""
        source, made = node.inputs[0], self._found[node.name]
        read = self._found[source]
        image, weights = f"{source} for {node.name}", f"{node.name} weights"
        bias, result = f"{node.name} bias", f"{node.name} in float"
        self._put(image, (FLOAT, *read), (self._first[source],))
        self._put(weights, (FLOAT, read.channels, node.width, node.kernel, node.kernel), ())
        self._put(bias, (FLOAT, node.width), ())
        scratch = (FLOAT * made.values,) if node.op == "upconv" else ()
        self._put(result, (FLOAT, *made), (image, weights, bias), scratch)
        if node.name != self._output:
            self._put(node.name, (BYTE, *made), (result,))
            self._first[node.name] = node.name

    def _turned(self, name: str) -> tuple[int, ...]:
        channels, height, width, _ = self._found[name]
        return (BYTE, height, width, channels)

    def _put(
        self,
        name: str,
        kind: tuple[int, ...],
        inputs: Iterable[str],
        scratch: tuple[int, ...] = (),
    ) -> None:
        self.steps.append(Step(name=name, kind=kind, inputs=tuple(inputs), scratch=scratch))
