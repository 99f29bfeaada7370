"""The project's own engine: the network compiled to C, driven by ctypes as a bundle's is."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.engines.adapter import Array, Options, UnsupportedError, serve
from benchmarks.engines.source import CALIBRATION, ONNX

# Precision → what the planner is asked for.
GOALS = {"fp32": "time", "fp32-small": "memory", "int8": "time"}


class Native:
    """As fast as it goes, or in as little memory; `hint` is an instruction set."""

    distributions = ("ccnet-edge",)

    def convert(self, source: Path, precision: str, out: Path) -> Path:
        """A model file with the library and the runner built for this machine."""
        from ccnet_edge.device.bundle.zips import zip_bytes
        from ccnet_edge.native.toolchain import build_binaries, find_compiler

        if precision not in GOALS:
            raise UnsupportedError(f"precisions {', '.join(GOALS)} were wanted, found {precision}")
        machine = platform.machine()
        files = _files(source, precision)
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


def peak_bytes(model: Path, precision: str, *, size: int, threads: int, runs: int) -> int:
    """VmHWM of the model's own runner on an 8-bit image, whose mask it writes.

    For the least memory it reads the image row by row, as one would who has little.
    """
    from ccnet_edge.device.backends.native_program import run_program
    from ccnet_edge.spec.artifact import SessionOptions

    options = SessionOptions(engine="native", threads=threads)
    rows = precision == "fp32-small" and threads == 1
    return run_program(model, options, shape=(1, 3, size, size), inferences=runs, rows=rows)[0]


def _files(source: Path, precision: str) -> dict[str, bytes]:
    """Source and weights of the same network as the exported file's, with the same images."""
    from ccnet_edge.export.calibrate import calibrate
    from ccnet_edge.export.metadata import read_preprocessing
    from ccnet_edge.export.native import fold
    from ccnet_edge.native import Subject, emit_files, plan_engine, quantise

    pre = read_preprocessing(source / ONNX)
    module = _module(source / ONNX)
    plan = plan_engine(
        module.spec,
        height=pre.height,
        width=pre.width,
        goal="memory" if GOALS[precision] == "memory" else "time",
        integer=precision == "int8",
    )
    subject = Subject.of(plan, pre, ("background", "foreground"))
    if precision != "int8":
        return emit_files(subject, fold(module))
    images = [image[None] for image in np.load(source / CALIBRATION)]
    weights = quantise(plan.program, fold(module), calibrate(module, images), pre)
    return emit_files(subject, weights)


def _module(model: Path) -> Any:
    """The network of an exported file, with the seed that its weights were drawn by."""
    from benchmarks.engines.sources import CHANNELS, CLASSES, SEED
    from ccnet_edge.architectures import base_network
    from ccnet_edge.export.metadata import read_entries
    from ccnet_edge.nets import build_module

    widths = tuple(json.loads(read_entries(model)["ccnet_edge.widths"]))
    spec = base_network("unet", channels=CHANNELS, classes=len(CLASSES)).with_widths(widths)
    return build_module(spec, seed=SEED).eval()


if __name__ == "__main__":
    serve(Native())
