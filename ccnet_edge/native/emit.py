"""Row program + layout → the text of ccnet.h and ccnet.c; the rest of their text is in c/."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Self

import numpy as np

from ccnet_edge.native.ir import QUAD, RowOp, RowProgram
from ccnet_edge.native.layout import (
    ALIGN,
    BAND_BYTES,
    BLOCK,
    CONTEXT_BYTES,
    TILES,
    Layout,
)
from ccnet_edge.native.pack import HEADER_BYTES, KIND_BYTES, blob_bytes, blocks, kind, offsets
from ccnet_edge.native.planner import EnginePlan
from ccnet_edge.spec.artifact import Preprocessing

KINDS = {
    "image": "CC_IMAGE",
    "normalise": "CC_NORMALISE",
    "conv": "CC_CONV",
    "winograd": "CC_WINO",
    "depthwise": "CC_DEPTH",
    "upconv": "CC_UP",
    "maxpool": "CC_POOL",
    "add": "CC_SUM",
    "half": "CC_HALF",
    "float": "CC_WHOLE",
    "quantise": "CC_NORMALISE",
    "conv8": "CC_CONV",
    "logits8": "CC_CONV",
    "upconv8": "CC_UP",
    "maxpool8": "CC_POOL",
}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is emitted: a program, its arena, and how pixels become its input."""

    program: RowProgram
    layout: Layout
    preprocessing: Preprocessing
    stride: int
    classes: tuple[str, ...]

    @classmethod
    def of(cls, plan: EnginePlan, preprocessing: Preprocessing, classes: tuple[str, ...]) -> Self:
        """What a plan is emitted as."""
        return cls(
            program=plan.program,
            layout=plan.layout,
            preprocessing=preprocessing,
            stride=plan.stride,
            classes=classes,
        )

    @property
    def outputs(self) -> int:
        """Logits a pixel."""
        return self.program.ops[-1].channels


def template(name: str) -> str:
    """A file of c/."""
    return (files("ccnet_edge.native") / "c" / name).read_text(encoding="utf-8")


def emit_header(subject: Subject) -> str:
    """ccnet.h."""
    image, layout = subject.program.ops[0], subject.layout
    one = layout.context_bytes + layout.band_bytes
    constants = {
        "CCNET_HEIGHT": image.height,
        "CCNET_WIDTH": image.width,
        "CCNET_IMAGE_HEIGHT": subject.preprocessing.height,
        "CCNET_IMAGE_WIDTH": subject.preprocessing.width,
        "CCNET_CHANNELS": image.channels,
        "CCNET_CLASSES": max(2, subject.outputs),
        "CCNET_OUTPUTS": subject.outputs,
        "CCNET_ALIGN": ALIGN,
        "CCNET_MOST_BANDS": layout.bands,
        "CCNET_ARENA_BYTES": one,
        "CCNET_STREAM_ARENA_BYTES": layout.stream_arena_bytes,
        "CCNET_WEIGHTS_BYTES": blob_bytes(subject.program),
        "CCNET_WEIGHT_BITS": 8 if subject.program.integer else 32,
    }
    lines = [f"#define {name} {value}" for name, value in constants.items()]
    lines.append(
        f"#define CCNET_ARENA_BYTES_FOR(bands) "
        f"({layout.context_bytes} + (size_t)(bands) * {layout.band_bytes})"
    )
    named = ", ".join(f"{i} {name}" for i, name in enumerate(subject.classes))
    lines.append(f"/* Classes: {_comment(named)} */")
    return template("ccnet.h").replace("/*@CONSTANTS@*/", "\n".join(lines))


def emit_source(subject: Subject) -> str:
    """ccnet.c."""
    source = template("ccnet.c").replace("/*@SIZES@*/", _sizes(subject))
    source = source.replace("/*@TABLES@*/", _tables(subject))
    integer = subject.program.integer
    source = source.replace("/*@INT8@*/", template("int8.c") if integer else "")
    return source.replace("/*@KERNELS@*/", template("kernels_int8.c" if integer else "kernels.c"))


def _comment(text: str) -> str:
    """Text that cannot end its comment, whatever the dialect (trigraphs, spliced lines)."""
    return "".join(letter if letter.isalnum() or letter in " .,_-+()" else "_" for letter in text)


def _sizes(subject: Subject) -> str:
    program, layout = subject.program, subject.layout
    ops = program.ops
    defined = {
        "CC_OPS": len(ops),
        "CC_MAX_SOURCES": max(len(op.sources) for op in ops),
        "CC_MAX_PUSHES": max(1, *(len(op.pushes) for op in ops)),
        # Two at least: the pooling of 2×2 cells is compiled where nothing pools, too.
        "CC_MAX_ROWS": max(2, *(1 + op.reads(0)[1] - op.reads(0)[0] for op in ops)),
        "CC_BLOCK": BLOCK,
        "CC_TILES": TILES,
        "CC_CONTEXT_BYTES": CONTEXT_BYTES,
        "CC_CONTEXT_SIZE": layout.context_bytes,
        "CC_BAND_BYTES": BAND_BYTES,
        "CC_BAND_SIZE": layout.band_bytes,
        "CC_ZEROS": layout.zeros_offset + ALIGN,
        "CC_SCRATCH": layout.scratch_offset,
        "CC_STREAM_ROWS": layout.stream_rows,
        "CC_KIND_BYTES": KIND_BYTES,
        "CC_HEADER_BYTES": HEADER_BYTES,
        "CCNET_STRIDE_OF_SIZES": subject.stride,
    }
    lines = [f"#define {name} {value}" for name, value in defined.items()]
    lines += _cases_int8(subject) if program.integer else _cases(ops)
    lines += ["#define CC_QUOTE(text) #text", "#define CC_TEXT(value) CC_QUOTE(value)"]
    return "\n".join(lines)


def _tables(subject: Subject) -> str:
    program = subject.program
    lines = [
        _floats("CC_MEAN", subject.preprocessing.mean),
        _floats("CC_STD", subject.preprocessing.std),
        _bytes("CC_KIND", kind(program)),
        "",
        "static const cc_op CC_NETWORK[CC_OPS] = {",
        *(_row(index, op, subject) for index, op in enumerate(program.ops)),
        "};",
    ]
    if program.integer:
        pads = ", ".join(map(str, subject.layout.pad_offsets))
        lines.append(f"static const uint64_t CC_PADS[CC_OPS] = {{{pads}}};")
    return "\n".join(lines)


def _cases(ops: tuple[RowOp, ...]) -> list[str]:
    """The kernels that this network needs, so that no others are compiled."""
    direct = sorted(
        {(op.kernel, m) for op in ops if op.kind == "conv" for m in blocks(op.channels, BLOCK)}
        or {(1, 1)}  # what chooses between them is compiled in any case
    )
    pairs = sorted({m for op in ops if op.kind == "winograd" for m in blocks(op.channels, BLOCK)})
    lines = ["#define CC_CONV_CASES(X) " + " ".join(f"X({k}, {m})" for k, m in direct)]
    if pairs:
        lines.append("#define CC_WINOGRAD 1")
        lines.append("#define CC_WINOGRAD_CASES(X) " + " ".join(f"X({m})" for m in pairs))
    kinds = {op.kind for op in ops}
    names = {"add": "CC_SUMS", "depthwise": "CC_DEPTHS", "half": "CC_HALVES"}
    lines += [f"#define {name} 1" for of, name in names.items() if of in kinds]
    if any(_plain(op) for op in ops):
        lines.append("#define CC_PLAIN 1")
    return lines


def _cases_int8(subject: Subject) -> list[str]:
    """The same of an int8 program."""
    ops = subject.program.ops
    direct = sorted({op.kernel for op in ops if op.kind == "conv8" and op.stride == 1})
    logits = sorted(
        {
            (op.kernel, min(QUAD, op.channels - first))
            for op in ops
            if op.kind == "logits8"
            for first in range(0, op.channels, QUAD)
        }
    )
    lines = [
        "#define CC_INT8 1",
        f"#define CC_LEAD {subject.layout.lead_bytes}",
        "#define CC_CONV_CASES(X) " + " ".join(f"X({kernel})" for kernel in direct),
        "#define CC_LOGITS(X) " + " ".join(f"X({kernel}, {m})" for kernel, m in logits),
    ]
    if any(_plain(op) for op in ops):
        lines.append("#define CC_PLAIN8 1")
    return lines


def _plain(op: RowOp) -> bool:
    """Its shape has no kernel of its own."""
    return (
        (op.does == "conv" and op.stride != 1)
        or (op.does == "upconv" and op.up != 2)
        or (op.does == "maxpool" and op.stride != 2)
    )


def _row(index: int, op: RowOp, subject: Subject) -> str:
    layout = subject.layout
    asked = subject.program.asked[index]
    counts = (len(op.sources), len(asked), len(op.pushes))
    small = (op.kernel, op.stride, op.up, op.step, int(op.relu), *counts)
    large = (
        op.in_channels,
        op.channels,
        op.height,
        op.width,
        op.pitch,
        layout.ring_rows[index],
        op.row_bytes,
        layout.ring_offsets[index],
        offsets(subject.program)[index],
    )
    lists = (_list(op.sources), _list(asked), _list(op.pushes))
    fields = ", ".join([KINDS[op.kind], *map(str, small + large), *lists])
    return f"    {{{fields}}}, /* {index}: {_comment(op.name)} */"


def _list(values: tuple[int, ...]) -> str:
    return "{" + ", ".join(map(str, values or (0,))) + "}"


def _floats(name: str, values: tuple[float, ...]) -> str:
    """float32 constants, written exactly: the nearest float32, of which 9 digits say all."""
    written = ", ".join(f"{np.float32(value):.8e}f" for value in values)
    return f"static const float {name}[] = {{{written}}};"


def _bytes(name: str, values: bytes) -> str:
    return f"static const uint8_t {name}[] = {{{', '.join(map(str, values))}}};"
