"""LiteRT with XNNPACK: converted by litert-torch, quantised by ai-edge-quantizer."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.engines.adapter import Array, Options, serve
from benchmarks.engines.source import CALIBRATION, TORCH


class LiteRt:
    """The interpreter, whose default on processors is XNNPACK."""

    distributions = ("ai-edge-litert", "litert-torch", "ai-edge-quantizer")

    def convert(self, source: Path, precision: str, out: Path) -> Path:
        """fp32, or weights and activations in int8, weights per channel."""
        import litert_torch
        import torch

        fp32 = out / "fp32.tflite"
        images = np.load(source / CALIBRATION)
        module = torch.export.load(source / TORCH).module()
        litert_torch.convert(module, (torch.from_numpy(images[:1]),)).export(str(fp32))
        return fp32 if precision == "fp32" else _quantise(fp32, images, out / "int8.tflite")

    def load(self, model: Path, options: Options) -> None:
        """On the processor."""
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter: Any = Interpreter(str(model), num_threads=options.threads)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]

    def infer(self, x: Array) -> Array:
        """Copy in, invoke, copy out."""
        self._interpreter.set_tensor(self._input, x)
        self._interpreter.invoke()
        logits: Array = self._interpreter.get_tensor(self._output)
        return logits

    def files(self) -> Sequence[Path]:
        """The C library of the wheel."""
        return [library()]


def library() -> Path:
    """The shared library that the wheel holds, which programs in C use as well."""
    spec = importlib.util.find_spec("ai_edge_litert")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "libLiteRt.so"


def _quantise(fp32: Path, images: Array, out: Path) -> Path:
    from ai_edge_quantizer import qtyping, quantizer, recipe

    quantise = quantizer.Quantizer(str(fp32), recipe.static_wi8_ai8())
    # The ends stay float32, as with the other engines.
    for end in (qtyping.TFLOperationName.INPUT, qtyping.TFLOperationName.OUTPUT):
        quantise.update_quantization_recipe(".*", end, algorithm_key="no_quantize")
    ((name, ends),) = _signatures(fp32).items()
    (image_name,) = ends["inputs"]
    seen = quantise.calibrate({name: [{image_name: image[None]} for image in images]})
    quantise.quantize(seen).export_model(str(out), overwrite=True)
    return out


def _signatures(model: Path) -> dict[str, dict[str, list[str]]]:
    from ai_edge_litert.interpreter import Interpreter

    found: dict[str, dict[str, list[str]]] = Interpreter(str(model)).get_signature_list()
    return found


if __name__ == "__main__":
    serve(LiteRt())
