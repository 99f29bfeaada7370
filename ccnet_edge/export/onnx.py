"""A trained network as one ONNX file that says how its input is made and what its classes are.

What travels is the graph, its weights and the metadata of `export.metadata`. Other formats that
begin with ONNX take `onnx_model`. Inputs and outputs are float32 in every precision.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from onnx import ModelProto

from ccnet_edge.export import ExportOptions, describe_file
from ccnet_edge.export.metadata import ModelMetadata, attach
from ccnet_edge.export.onnx_graph import INPUT, OPSET, OUTPUT, check, clean, float_graph
from ccnet_edge.export.onnx_half import to_half
from ccnet_edge.export.onnx_int8 import Scheme, scheme_for, to_int8
from ccnet_edge.export.opset import opset_of
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import Artifact
from ccnet_edge.spec.training import TrainedNetwork
from ccnet_edge.train import load_trained

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "INPUT",
    "OPSET",
    "OUTPUT",
    "export_onnx",
    "in_precision",
    "onnx_model",
    "write_model",
    "write_onnx",
]


def export_onnx(trained: Path, out: Path, options: ExportOptions) -> Artifact:
    """Write the network in the folder `trained` to `out`; see `export.export`.

    One file for every machine, whose memory is the engine's business; but int8 has signed
    activations for Arm, as ONNX Runtime's kernels there want them.
    """
    record, module = load_trained(trained)
    return write_model(onnx_model(record, module, options), out, options, shape=record.shape)


def onnx_model(
    record: TrainedNetwork,
    module: nn.Module,
    options: ExportOptions,
    *,
    scheme: Scheme | None = None,
) -> ModelProto:
    """A trained network as an ONNX model in the precision of `options`, checked.

    Args:
        record: what training says of the network.
        module: the network itself.
        options: its precision, whether it is dynamic, and what int8 is calibrated on.
        scheme: where int8 values lie; None for ONNX Runtime's on the target's processor.
    """
    metadata = ModelMetadata(
        network=record.network, preprocessing=record.preprocessing, classes=record.classes
    )
    model = float_graph(module, record.shape, dynamic=options.dynamic)
    return _finish(in_precision(model, options, scheme), metadata)


def in_precision(
    model: ModelProto, options: ExportOptions, scheme: Scheme | None = None
) -> ModelProto:
    """A float32 graph in the precision of `options`; `scheme` as in `onnx_model`."""
    if options.precision == "fp16":
        return to_half(model)
    if options.precision == "int8":
        assert options.calibration is not None  # `export.check_options` has refused
        scheme = scheme if scheme is not None else scheme_for(options.machine)
        return to_int8(
            model, options.calibration, scheme, method=options.method, exclude=options.exclude
        )
    return model


def write_onnx(module: nn.Module, metadata: ModelMetadata, out: Path, *, dynamic: bool) -> Artifact:
    """Write `module` (in evaluation mode, on any device) to `out` in float32.

    H and W are the preprocessing's `input_size`, or any that the network's output stride divides
    where `dynamic`.
    """
    size = metadata.preprocessing.input_size
    shape = (1, metadata.network.in_channels, *size)
    model = _finish(float_graph(module, shape, dynamic=dynamic), metadata)
    return write_model(model, out, ExportOptions(dynamic=dynamic), shape=shape)


def _finish(model: ModelProto, metadata: ModelMetadata) -> ModelProto:
    clean(model)
    attach(model, metadata)
    check(model)
    return model


def write_model(
    model: ModelProto, out: Path, options: ExportOptions, *, shape: tuple[int, int, int, int]
) -> Artifact:
    """Write a graph that is in the precision of `options` already."""
    opset = opset_of(model)
    serial.write_bytes(out, model.SerializeToString(deterministic=True))
    free = (0, 0) if options.dynamic else shape[2:]
    return describe_file(
        out, kind="onnx", opset=opset, shape=(*shape[:2], *free), precision=options.precision
    )
