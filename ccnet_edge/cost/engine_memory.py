"""The process's peak memory on an engine, from measured points: what a RAM budget means.

    peak ≤ base + fixed + a · weights + b · live + c · ends                            (bytes)

- base: the engine's own process before it loads a model, measured;
- fixed: what a session of any size adds;
- weights: the file's values as float32, which the engine keeps, some of them twice (packed);
- live: the most that the network's tensors need in one step (`cost.memory`, float32);
- ends: input and logits, which also lie outside of the engine's arena;
- a, b, c ≥ 0: the least that put every fitted point under the sum, times `SAFETY`.

b is well over 1 because ONNX Runtime's arena grows by doubling regions, which tensors do not
share perfectly. `benchmarks/engine_memory.py` measures the points, fits, and writes the file that
is read here. All terms rise with every channel count, so the solver may rely on the sum doing so.

NOTE: the points hold for `STANDING` options. ONNX Runtime's own default (level "all" with memory
pattern) takes 1.6 to 2.8 times as much (benchmarks/results/engine_memory.json): "all" changes to
layouts of 8 or 16 channels a block, so 20 channels occupy 32, and the memory pattern allocates
every tensor a second time in one piece.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ccnet_edge.cost.ops import find_op
from ccnet_edge.cost.shapes import shapes
from ccnet_edge.errors import unknown_key
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.report import Environment

# The options that planning counts on, and that stay unless measuring shows better ones.
STANDING = SessionOptions(optimisation="extended", arena=True, memory_pattern=False, threads=1)
# On everything over the base, beyond the least that covers the fitted points.
SAFETY = 1.05
BYTES = 4

# Engine → the file of its points, beside this one.
MODELS = {"onnxruntime": "engine_memory_onnxruntime.json"}


@dataclass(frozen=True, kw_only=True)
class Load:
    """What a network asks of an engine at one input size, in bytes as float32."""

    weights_bytes: int
    live_bytes: int
    ends_bytes: int


@dataclass(frozen=True, kw_only=True)
class MemoryPoint:
    """A network that was run: its load, and the largest peak of `repeats` processes.

    `fitted` is False for points that were held out of the fit. `variant` says what is not as
    usual (fixed size, one thread): "dynamic", "2 threads".
    """

    widths: tuple[int, ...]
    in_channels: int
    outputs: int
    height: int
    width: int
    variant: str
    fitted: bool
    repeats: int
    load: Load
    peak_bytes: int


@dataclass(frozen=True, kw_only=True)
class EngineMemory:
    """An engine's memory model with the points and the machine that it was fitted on."""

    engine: str
    options: SessionOptions
    environment: Environment
    base_bytes: int
    fixed_bytes: float
    weights_factor: float
    live_factor: float
    ends_factor: float
    points: tuple[MemoryPoint, ...]

    def predict_bytes(self, load: Load) -> int:
        """The process's peak by the model's formula."""
        over_base = (
            self.fixed_bytes
            + self.weights_factor * load.weights_bytes
            + self.live_factor * load.live_bytes
            + self.ends_factor * load.ends_bytes
        )
        return self.base_bytes + round(SAFETY * over_base)


def process_bytes(engine: str, *, spec: NetworkSpec, height: int, width: int) -> int:
    """A conservative peak of the process that runs `spec` on `engine` at `height` × `width`.

    It is an estimate, for `STANDING` options in fp32 and the machine that the points were
    measured on. It rises with every channel count.

    Raises:
        UsageError: an engine without a model, or a size that the output stride does not divide.
    """
    return load_model(engine).predict_bytes(engine_load(spec, height=height, width=width))


@lru_cache
def load_model(engine: str) -> EngineMemory:
    """The memory model of `engine` with its measured points.

    Raises:
        UsageError: an engine without a model.
    """
    if engine not in MODELS:
        raise unknown_key("engine with a memory model", engine, MODELS)
    return serial.load(EngineMemory, Path(__file__).with_name(MODELS[engine]))


def engine_load(spec: NetworkSpec, *, height: int, width: int) -> Load:
    """What `spec` asks of an engine at `height` × `width`.

    One walk over the nodes and no memory plan: the solver asks thousands of times.
    """
    found = shapes(spec, height=height, width=width)
    last = {name: node.name for node in spec.nodes for name in node.inputs}
    weights = live = peak = 0
    for node in spec.nodes:
        op = find_op(node)
        if op.stored:
            weights += op.stored * node.width
            weights += op.weights(node, tuple(found[name] for name in node.inputs))
        live += found[node.name].values
        peak = max(peak, live)
        live -= sum(found[name].values for name in node.inputs if last[name] == node.name)
    ends = found[spec.nodes[0].name].values + found[spec.nodes[-1].name].values
    return Load(weights_bytes=BYTES * weights, live_bytes=BYTES * peak, ends_bytes=BYTES * ends)
