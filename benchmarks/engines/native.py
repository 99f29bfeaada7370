"""The project's own engine: the network compiled to C, driven by ctypes as a bundle's is."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.engines.adapter import Array, Options, UnsupportedError, serve
from benchmarks.engines.source import ONNX

# Precision → what the planner is asked for.
GOALS = {"fp32": "time", "fp32-small": "memory"}


class Native:
    """As fast as it goes, or in as little memory; `hint` is an instruction set."""

    distributions = ("ccnet-edge",)

    def convert(self, source: Path, precision: str, out: Path) -> Path:
        """A model file with the library and the runner built for this machine."""
        from ccnet_edge.device.bundle.zips import zip_bytes
        from ccnet_edge.native import emit_files
        from ccnet_edge.native.toolchain import build_binaries, find_compiler

        if precision not in GOALS:
            raise UnsupportedError(f"precisions {', '.join(GOALS)} were wanted, found {precision}")
        machine = platform.machine()
        files = emit_files(*_subject(source / ONNX, GOALS[precision]))
        built = build_binaries(files, find_compiler(machine))
        binaries = {f"bin/{machine}/{name}": content for name, content in built.items()}
        path = out / "model.ccnet"
        path.write_bytes(zip_bytes(files | binaries))
        return path

    def load(self, model: Path, options: Options) -> None:
        """Into this process."""
        from ccnet_edge.device.backends.native import open_native
        from ccnet_edge.spec.artifact import SessionOptions

        self._session = open_native(model, SessionOptions(engine="native", threads=options.threads))
        if options.hint:
            self._session.use(options.hint)

    def infer(self, x: Array) -> Array:
        """One call of the library."""
        return self._session.run(x)

    def files(self) -> Sequence[Path]:
        """Nothing: library and runner are in the model."""
        return []


def peak_bytes(model: Path, *, size: int, threads: int, runs: int) -> int:
    """VmHWM of the model's own runner on an 8-bit image, whose mask it writes."""
    from ccnet_edge.device.backends.native import run_program
    from ccnet_edge.spec.artifact import SessionOptions

    options = SessionOptions(engine="native", threads=threads)
    return run_program(model, options, shape=(1, 3, size, size), inferences=runs)[0]


def _subject(model: Path, goal: str) -> tuple[Any, Any]:
    """The network of an exported file, whose normalisation is folded already."""
    import onnx
    from onnx import numpy_helper

    from ccnet_edge.architectures import base_network
    from ccnet_edge.export.metadata import read_preprocessing
    from ccnet_edge.native import Convolution, Subject, plan_engine

    graph = onnx.load(model).graph
    values = {w.name: numpy_helper.to_array(w).astype(np.float64) for w in graph.initializer}
    weights = {}
    for node in graph.node:
        if node.op_type not in ("Conv", "ConvTranspose"):
            continue
        weight = values[node.input[1]]
        channels = weight.shape[0 if node.op_type == "Conv" else 1]
        # The exporter leaves a bias out that is zero.
        bias = values[node.input[2]] if len(node.input) > 2 else np.zeros(channels)
        weights[node.input[1].split(".")[0]] = Convolution(weight=weight, bias=bias)
    pre = read_preprocessing(model)
    base = base_network("unet", channels=pre.channels, classes=2)
    widths = tuple(
        next(len(weights[n.name].bias) for n in base.nodes if n.thinned and n.scale == scale)
        for scale in range(base.scales)
    )
    spec = base.with_widths(widths)
    plan = plan_engine(
        spec,
        height=pre.height,
        width=pre.width,
        goal=goal,  # type: ignore[arg-type]
    )
    subject = Subject(
        program=plan.program,
        layout=plan.layout,
        preprocessing=pre,
        stride=spec.output_stride,
        classes=("background", "foreground"),
    )
    return subject, weights


if __name__ == "__main__":
    serve(Native())
