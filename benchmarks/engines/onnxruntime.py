"""ONNX Runtime: the ONNX file as it is; int8 as QDQ, static, weights per channel."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.engines.adapter import Array, Options, serve
from benchmarks.engines.source import INT8_ONNX, ONNX


class OnnxRuntime:
    """All graph optimisations, with arena and memory pattern, which are its defaults."""

    distributions = ("onnxruntime",)

    def convert(self, source: Path, precision: str, out: Path) -> Path:
        """A copy."""
        name = ONNX if precision == "fp32" else INT8_ONNX
        return Path(shutil.copy(source / name, out / name))

    def load(self, model: Path, options: Options) -> None:
        """On the processor."""
        import onnxruntime

        wanted = onnxruntime.SessionOptions()
        wanted.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        wanted.intra_op_num_threads = options.threads
        wanted.inter_op_num_threads = 1
        wanted.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(
            str(model), wanted, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name

    def infer(self, x: Array) -> Array:
        """One call of the session."""
        logits: Array = self._session.run(None, {self._input: x})[0]
        return logits

    def files(self) -> Sequence[Path]:
        """The C library of the wheel."""
        return [library()]


def library() -> Path:
    """The shared library that the wheel holds, which programs in C use as well."""
    spec = importlib.util.find_spec("onnxruntime")
    assert spec is not None
    assert spec.origin is not None
    return next((Path(spec.origin).parent / "capi").glob("libonnxruntime.so.*"))


if __name__ == "__main__":
    serve(OnnxRuntime())
