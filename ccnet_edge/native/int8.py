"""A row program in int8: the same operators on bytes, four channels a cell."""

from __future__ import annotations

from dataclasses import replace

from ccnet_edge.errors import ConfigError
from ccnet_edge.native.ir import QUAD, Kind, RowOp, RowProgram

# Words before an operator's weights: zero point, least result, two of nothing. The input and
# poolings have a zero point for every channel behind theirs, the input 1 / scale as well.
HEAD = 4
# What takes a network that int8 rows do not.
ELSEWHERE = "use fp32 here, or int8 as onnx, ort or openvino"

# What becomes of an operator; row pairs and fp16 rows have no integer form.
INTEGER: dict[Kind, Kind] = {
    "image": "image",
    "normalise": "quantise",
    "conv": "conv8",
    "upconv": "upconv8",
    "maxpool": "maxpool8",
}


def in_int8(program: RowProgram) -> RowProgram:
    """The program with bytes between its operators; logits stay float32.

    Raises:
        ConfigError: row pairs or fp16 skips, which are of fp32 programs, or a last operator that
            is no convolution of stride 1 without ReLU.
    """
    last = program.ops[-1]
    if last.kind != "conv" or last.stride != 1 or last.relu:
        raise ConfigError(
            f"{last.name}: int8 wants a last convolution of stride 1 without ReLU, whose sums "
            f"are the logits, found {last.kind} of stride {last.stride}",
            hint=ELSEWHERE,
        )
    ops: list[RowOp] = []
    parts: list[tuple[int, ...]] = []  # what has become of each operator
    for op in program.ops:
        sources = tuple(part for source in op.sources for part in parts[source])
        made = _split(op, sources, ops) if op.kind == "maxpool" else (replace(op, sources=sources),)
        parts.append(tuple(range(len(ops), len(ops) + len(made))))
        ops.extend(map(_integer, made))
    ops[-1] = replace(ops[-1], kind="logits8")
    return RowProgram(ops=tuple(ops))


def _split(op: RowOp, sources: tuple[int, ...], ops: list[RowOp]) -> tuple[RowOp, ...]:
    """A pooling of a concatenation as one of every part, since parts begin with whole cells."""
    if len(sources) == 1:
        return (replace(op, sources=sources),)
    return tuple(
        replace(
            op,
            name=f"{op.name}.{number}",
            sources=(source,),
            channels=ops[source].channels,
            in_channels=ops[source].channels,
        )
        for number, source in enumerate(sources)
    )


def domains(program: RowProgram) -> tuple[int, ...]:
    """For every operator, the first of those whose scale and zero point it shares.

    Shared are those of a pooling with its source, and of operators that run twice.

    NOTE: parts of a concatenation need not share: a convolution's weights are quantised after
    they were multiplied by the scale of the part that they belong to.
    """
    leader = list(range(len(program.ops)))
    first: dict[str, int] = {}

    def find(index: int) -> int:
        return index if leader[index] == index else find(leader[index])

    def join(one: int, other: int) -> None:
        low, high = sorted((find(one), find(other)))
        leader[high] = low

    for index, op in enumerate(program.ops):
        if op.node or op.kind == "quantise":
            join(index, first.setdefault(op.node, index))
        if op.kind == "maxpool8":
            for source in op.sources:
                join(index, source)
    return tuple(map(find, leader))


def zero_at_0(program: RowProgram) -> tuple[bool, ...]:
    """For every operator, whether its zero point is 0 whatever its weights: after ReLUs."""
    domain = domains(program)
    signed = {
        domain[index]
        for index, op in enumerate(program.ops)
        if not op.relu and op.kind != "maxpool8"
    }
    return tuple(each not in signed for each in domain)


def packed_words(program: RowProgram) -> tuple[int, ...]:
    """For every operator, what it has in the blob, in words of four bytes; 0 for a second run."""
    found: list[int] = []
    seen: set[str] = set()
    for op in program.ops:
        again = op.node in seen if op.node else False
        seen.add(op.node)
        if op.convolves:
            found.append(0 if again else HEAD + _words(program, op))
        else:
            times = {"image": 0, "maxpool8": 1, "quantise": 2}[op.kind]
            found.append(HEAD + times * QUAD * op.planes if times else 0)
    return tuple(found)


def _words(program: RowProgram, op: RowOp) -> int:
    """Weights four by four, two biases an output channel, and of every tap where each is alone."""
    depth = sum(-(-program.ops[source].channels // QUAD) for source in op.sources)
    channels = QUAD * -(-op.channels // QUAD)
    taps = op.kernel**2
    return channels * (depth * taps + 2 * (taps if op.does == "upconv" else 1) + 1)


def _integer(op: RowOp) -> RowOp:
    if op.kind not in INTEGER or op.pushes:
        raise ConfigError(
            f"{op.name}: the native engine's int8 has no {op.kind} rows",
            hint=(
                "choose skips fp32 or recompute, and no winograd"
                if op.kind in ("half", "float", "winograd") or op.pushes
                else ELSEWHERE
            ),
        )
    return replace(op, kind=INTEGER[op.kind])
