"""An ONNX file with its convolutions quantised dynamically: int8 weights, no calibration.

ONNX Runtime scales the input of each convolution anew for every image. Transposed convolutions
have no such kernel and stay in float32.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.quant_utils import add_pre_process_metadata

from ccnet_edge.spec import serial

# The quantiser asks for a preparation that graphs of ours do not need, unless it is noted there.
_PREPARED = "onnx.quant.pre_process"
_INFERRED = "onnx.infer"
_NOTES = frozenset({_PREPARED, _INFERRED})


def quantise_dynamically(source: Path, out: Path) -> str:
    """Write the float32 ONNX file `source` to `out`, quantised; says what was.

    Weights are unsigned with one scale a layer, which is what ONNX Runtime's ConvInteger takes.

    Returns:
        How many of the operators with weights are in int8, for people.
    """
    model = onnx.load(str(source))
    before = sum(node.op_type in ("Conv", "ConvTranspose") for node in model.graph.node)
    add_pre_process_metadata(model)
    with tempfile.TemporaryDirectory(prefix="ccnet-") as folder:
        aside = Path(folder) / "model.onnx"
        quantize_dynamic(model, str(aside), weight_type=QuantType.QUInt8)
        quantised = onnx.load(str(aside))
    entries = {e.key: e.value for e in quantised.metadata_props if e.key not in _NOTES}
    del quantised.metadata_props[:]
    onnx.helper.set_model_props(quantised, dict(sorted(entries.items())))
    serial.write_bytes(out, quantised.SerializeToString(deterministic=True))
    integer = sum(node.op_type == "ConvInteger" for node in quantised.graph.node)
    return f"{integer} of {before} operators with weights in int8, scaled anew for every image"
