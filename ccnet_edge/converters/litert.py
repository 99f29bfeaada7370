"""A network → .tflite, by litert-torch; int8 by ai-edge-quantizer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ccnet_edge.converters.rebuilding import calibration, example, rebuild
from ccnet_edge.isolated.frames import Payload
from ccnet_edge.isolated.serving import serve

FP32, MODEL = "fp32.tflite", "model.tflite"


def convert(fields: Mapping[str, Any], _: bytearray) -> tuple[dict[str, Any], Payload]:
    """Write the model; the input stays [1, C, H, W], as the network has it."""
    import litert_torch

    folder = Path(fields["folder"])
    module = rebuild(folder)
    litert_torch.convert(module, (example(fields["shape"]),)).export(str(folder / FP32))
    written = {"fp32": lambda _: FP32, "fp16": _halve, "int8": _quantise}[fields["precision"]](
        folder
    )
    return {"files": [written]}, b""


def _quantise(folder: Path) -> str:
    """Weights and activations in int8, a scale for every channel of weights, ends in float32."""
    from ai_edge_quantizer import qtyping, quantizer, recipe

    quantise = quantizer.Quantizer(str(folder / FP32), recipe.static_wi8_ai8())
    for end in (qtyping.TFLOperationName.INPUT, qtyping.TFLOperationName.OUTPUT):
        quantise.update_quantization_recipe(".*", end, algorithm_key="no_quantize")
    name, image_name = _signature(folder / FP32)
    images = [{image_name: image[None]} for image in calibration(folder)]
    # NOTE: its own choice of 16 threads spins for minutes where there are two cores.
    seen = quantise.calibrate({name: images}, num_threads=1)
    quantise.quantize(seen).export_model(str(folder / MODEL), overwrite=True)
    return MODEL


def _halve(folder: Path) -> str:
    """Weights in fp16, which the engine widens when it loads the model; it computes in fp32."""
    from ai_edge_quantizer import qtyping, quantizer

    half = qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT)
    quantise = quantizer.Quantizer(str(folder / FP32))
    quantise.update_quantization_recipe(
        ".*",
        qtyping.TFLOperationName.ALL_SUPPORTED,
        op_config=qtyping.OpQuantizationConfig(
            weight_tensor_config=half,
            compute_precision=qtyping.ComputePrecision.FLOAT,
            explicit_dequantize=True,
        ),
        algorithm_key="float_casting",
    )
    quantise.quantize().export_model(str(folder / MODEL), overwrite=True)
    return MODEL


def _signature(model: Path) -> tuple[str, str]:
    """The names of the model's one signature and of its one input."""
    from ai_edge_litert.interpreter import Interpreter

    ((name, ends),) = Interpreter(str(model)).get_signature_list().items()
    (image_name,) = ends["inputs"]
    return name, image_name


if __name__ == "__main__":
    serve({"convert": convert})
