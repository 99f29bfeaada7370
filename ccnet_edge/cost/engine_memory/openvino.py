"""What OpenVINO's processor plugin does for a network, and the block its tensors share.

Its kernels keep channels last and pad nothing (oneDNN's brgemm convolutions, as the compiled
model's own runtime graph shows on processors with AVX-512): the image is turned around, each
convolution with its ReLU is a step, concatenation copies, logits are turned back. int8 has one
byte a value, and requantises each tensor before it is joined with another.

All tensors lie in one block, each placed for its lifetime, largest first (memory_solver.cpp).
Half of the process is what compiling leaves behind; that is fitted, not replayed.
"""

from __future__ import annotations

from ccnet_edge.cost.engine_memory.steps import Program, Step, last_uses
from ccnet_edge.cost.memory import Lifetime, place
from ccnet_edge.cost.shapes import shapes
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.target import Precision

FLOAT, BYTE = 4, 1


def openvino_program(
    spec: NetworkSpec, *, height: int, width: int, precision: Precision
) -> Program:
    """The steps at an input of `height` × `width`; fp16 is how weights are stored, no more."""
    size = BYTE if precision == "int8" else FLOAT
    found = shapes(spec, height=height, width=width)
    image, logits = spec.nodes[0].name, spec.nodes[-1].name
    steps: list[Step] = []

    def put(name: str, made: str, inputs: tuple[str, ...], bytes_each: int = size) -> None:
        steps.append(Step(name=name, kind=(bytes_each, *found[made]), inputs=inputs))

    if precision == "int8":
        put("image in bytes", image, (image,))
    put(image, image, (steps[-1].name if steps else "",))
    for node in spec.nodes[1:]:
        inputs = node.inputs
        if node.op == "concat" and precision == "int8":
            inputs = tuple(f"{name} for {node.name}" for name in node.inputs)
            for name, copy in zip(node.inputs, inputs, strict=True):
                put(copy, name, (name,))
        put(node.name, node.name, inputs)
    if precision == "int8":
        put("logits in float", logits, (logits,), FLOAT)
    put("logits turned", logits, (steps[-1].name,), FLOAT)
    return Program(steps=tuple(steps))


def block_bytes(program: Program) -> int:
    """The block that all tensors share."""
    steps = program.steps
    last = last_uses(steps, {step.name: step.name for step in steps})
    return place(
        [
            Lifetime(name=step.name, size_bytes=step.size_bytes, first=number, last=last[step.name])
            for number, step in enumerate(steps)
        ]
    ).arena_bytes
