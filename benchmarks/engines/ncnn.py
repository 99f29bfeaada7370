"""ncnn: converted from ONNX by pnnx, weights kept in fp32."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.engines.adapter import Array, Options, UnsupportedError, serve
from benchmarks.engines.source import ONNX

# What pnnx calls the network's ends.
INPUT, OUTPUT = "in0", "out0"


class Ncnn:
    """Its default options: Winograd and matrix products where they fit, packed layouts."""

    distributions = ("ncnn", "pnnx")

    def convert(self, source: Path, precision: str, out: Path) -> Path:
        """`model.ncnn.param`, with its weights beside it.

        Raises:
            UnsupportedError: another precision than fp32.
        """
        if precision != "fp32":
            raise UnsupportedError(
                "ncnn's int8 needs its programs ncnn2table and ncnn2int8, which no wheel holds"
            )
        shutil.copy(source / ONNX, out / ONNX)
        pnnx = _folder("pnnx") / "pnnx"
        subprocess.run([pnnx, ONNX, "fp16=0"], cwd=out, check=True, capture_output=True)
        return out / "model.ncnn.param"

    def load(self, model: Path, options: Options) -> None:
        """On the processor."""
        import ncnn

        self._ncnn: Any = ncnn
        self._net: Any = ncnn.Net()
        self._net.opt.num_threads = options.threads
        self._net.load_param(str(model))
        self._net.load_model(str(model.with_suffix(".bin")))

    def infer(self, x: Array) -> Array:
        """One extractor, which is what ncnn has an inference cost."""
        extractor = self._net.create_extractor()
        extractor.input(INPUT, self._ncnn.Mat(x[0]))
        _, logits = extractor.extract(OUTPUT)
        return np.asarray(logits)[None]

    def files(self) -> Sequence[Path]:
        """The wheel has ncnn inside of its Python module only; it stands for the library."""
        folder = _folder("ncnn")
        openmp = folder.with_name("ncnn.libs")
        return [*folder.glob("ncnn.*.so"), *openmp.glob("libgomp*")]


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


if __name__ == "__main__":
    serve(Ncnn())
