"""The native engine's compiler: NetworkSpec and weights → C99 with vector extensions.

Three steps, three modules: `lower` (the row IR), `planner` on `schedule` and `layout` (rings,
arena, choices) and `emit` with `pack` (the source, the weights). `check` replays a schedule on
its own. No torch is needed.
"""

from __future__ import annotations

from ccnet_edge.native.emit import Subject, emit_header, emit_source, template
from ccnet_edge.native.lower import Choices
from ccnet_edge.native.pack import Convolution, Weights, pack
from ccnet_edge.native.pack_int8 import pack_int8
from ccnet_edge.native.planner import EnginePlan, evaluate, plan_engine
from ccnet_edge.native.quantise import Quantised, Range, Seen, quantise

__all__ = [
    "SOURCES",
    "WEIGHTS",
    "Choices",
    "Convolution",
    "EnginePlan",
    "Quantised",
    "Range",
    "Seen",
    "Subject",
    "Weights",
    "emit_files",
    "evaluate",
    "plan_engine",
    "quantise",
]

WEIGHTS = "ccnet.weights"
# Files of c/ that travel as they are.
PLAIN = ("CMakeLists.txt", "picture.h", "runner.c")
SOURCES = ("ccnet.c", "ccnet.h", *PLAIN)


def emit_files(subject: Subject, weights: Weights | Quantised) -> dict[str, bytes]:
    """Name → content of everything that is needed to build the network: sources and weights.

    Equal networks, choices and preprocessing give equal bytes. An int8 program's weights are
    `Quantised`.

    Raises:
        DataError: weights are missing, or not of this network's shapes.
    """
    files = {name: template(name).encode() for name in PLAIN}
    files["ccnet.h"] = emit_header(subject).encode()
    files["ccnet.c"] = emit_source(subject).encode()
    if isinstance(weights, Quantised):
        files[WEIGHTS] = pack_int8(subject.program, weights)
    else:
        files[WEIGHTS] = pack(subject.program, weights)
    return files
