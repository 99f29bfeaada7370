"""OpenVINO: its own format from ONNX, one stream; int8 from the same QDQ graph as ONNX Runtime."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.engines.adapter import Array, Options, serve
from benchmarks.engines.source import INT8_ONNX, ONNX

# What a program in C needs to run its own format on a processor.
LIBRARIES = (
    "libopenvino.so.*",
    "libopenvino_c.so.*",
    "libopenvino_intel_cpu_plugin.so",
    "libopenvino_ir_frontend.so.*",
    "libtbb.so.*",
    "libtbbmalloc.so.*",
)


class OpenVino:
    """Latency mode with the threads and the precision that the options name."""

    distributions = ("openvino",)

    def convert(self, source: Path, precision: str, out: Path) -> Path:
        """Its own format, which loads without the ONNX reader and with weights mapped."""
        import openvino

        model = openvino.convert_model(source / (ONNX if precision == "fp32" else INT8_ONNX))
        openvino.save_model(model, out / "model.xml", compress_to_fp16=False)
        return out / "model.xml"

    def load(self, model: Path, options: Options) -> None:
        """On the processor."""
        import openvino

        settings: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": options.threads,
        }
        if options.hint:
            settings["INFERENCE_PRECISION_HINT"] = options.hint
        self._request: Any = (
            openvino.Core().compile_model(model, "CPU", settings).create_infer_request()
        )

    def infer(self, x: Array) -> Array:
        """One request on the caller's memory."""
        logits: Array = self._request.infer([x], share_inputs=True, share_outputs=True)[0]
        return logits

    def files(self) -> Sequence[Path]:
        """Core, plugin of the processor, reader of its own format, threads."""
        return [path for pattern in LIBRARIES for path in libraries().glob(pattern)]


def libraries() -> Path:
    """The folder of shared libraries in the wheel."""
    spec = importlib.util.find_spec("openvino")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "libs"


if __name__ == "__main__":
    serve(OpenVino())
