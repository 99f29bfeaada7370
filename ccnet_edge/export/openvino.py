"""A trained network in OpenVINO's own format, its two files in one.

It loads without the ONNX reader. fp16 halves the weights, which are computed in float32 where a
processor has no fp16; int8 is the Q/DQ graph with unsigned activations, whose operators OpenVINO
turns into integer ones itself.
"""

from __future__ import annotations

import gzip
import tempfile
from dataclasses import replace
from pathlib import Path

import openvino
from onnx import ModelProto

from ccnet_edge.device.backends.openvino import GRAPH, WEIGHTS
from ccnet_edge.device.bundle.zips import zip_bytes
from ccnet_edge.export import ExportOptions, describe_file
from ccnet_edge.export.onnx import onnx_model
from ccnet_edge.export.onnx_int8 import Scheme
from ccnet_edge.export.opset import opset_of
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import Artifact
from ccnet_edge.train import load_trained

# NOTE: on every processor: with signed activations OpenVINO loses 0.03 of F1 on DRIVE where ONNX
# Runtime loses nothing with the same graph.
UNSIGNED = Scheme(signed=False, symmetric=False, narrow=True)


def export_openvino(trained: Path, out: Path, options: ExportOptions) -> Artifact:
    """Write the network in the folder `trained` to `out`; see `export.export`."""
    record, module = load_trained(trained)
    # OpenVINO halves weights itself, and says so in the graph.
    source = "fp32" if options.precision == "fp16" else options.precision
    model = onnx_model(record, module, replace(options, precision=source), scheme=UNSIGNED)
    return write_openvino(model, out, options, shape=record.shape)


def write_openvino(
    model: ModelProto, out: Path, options: ExportOptions, *, shape: tuple[int, int, int, int]
) -> Artifact:
    """Write a graph in float32 or int8; its weights are halved where `options` ask for fp16."""
    opset = opset_of(model)
    files = ir_files(model.SerializeToString(), half=options.precision == "fp16")
    serial.write_bytes(out, zip_bytes(files))
    size = (0, 0) if options.dynamic else shape[2:]
    return describe_file(
        out, kind="openvino", opset=opset, shape=(*shape[:2], *size), precision=options.precision
    )


def ir_files(onnx: bytes, *, half: bool) -> dict[str, bytes]:
    """OpenVINO's two files of an ONNX model, by name.

    NOTE: the graph is compressed: 100 kB become 7, where all weights in int8 may be 120.
    """
    network = openvino.Core().read_model(onnx)
    # Those that the ONNX reader makes are numbered through the process's life.
    for number, node in enumerate(network.get_ordered_ops()):
        node.set_friendly_name(f"{node.get_type_name()}_{number}")
    with tempfile.TemporaryDirectory(prefix="ccnet-edge-") as name:
        graph = Path(name) / "model.xml"
        openvino.save_model(network, graph, compress_to_fp16=half)
        text, weights = graph.read_bytes(), graph.with_suffix(".bin").read_bytes()
    return {GRAPH: gzip.compress(text, mtime=0), WEIGHTS: weights}
