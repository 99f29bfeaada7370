"""An ONNX file that was not trained here in the formats that begin with ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import onnx
from onnx import AttributeProto, ModelProto, NodeProto

from ccnet_edge.device.backends import open_session
from ccnet_edge.errors import DataError, UsageError
from ccnet_edge.export import check_options, find_exporter
from ccnet_edge.export.onnx import in_precision, write_model
from ccnet_edge.export.onnx_graph import under_our_names
from ccnet_edge.export.opset import opset_of
from ccnet_edge.export.options import ExportOptions
from ccnet_edge.export.ort_format import check_machine, ort_scheme, write_ort
from ccnet_edge.export.outside import fixed_size, precision_of, read_outside
from ccnet_edge.export.tensorrt import DEFAULT_VERSION, EngineWish, prepare, write_prepared
from ccnet_edge.spec.artifact import Artifact, SessionOptions
from ccnet_edge.spec.tensorrt import Shape

# The first opset that has quantisation by channel.
QUANTISES = 13


class Write(Protocol):
    """Writes a checked graph of one size, in float32 under our names, to `out`."""

    def __call__(
        self, model: ModelProto, out: Path, options: ExportOptions, *, shape: Shape
    ) -> Artifact:
        """The artefact in the precision of `options`."""


def export_outside(path: Path, out: Path, kind: str, options: ExportOptions) -> Artifact:
    """Write the ONNX file at `path` to `out` as a format of `OUTSIDE`.

    Args:
        path: in float32, for one image of one size.
        out: the file to write; TensorRT's build script goes beside it.
        kind: the format.
        options: precision, target and what int8 is calibrated on.

    Raises:
        UsageError: see `read_outside`; another format or precision, a size that is not fixed,
            weights that are no float32, or what the target does not take.
        DataError: no images to calibrate on, or values that are not finite.
    """
    if kind not in OUTSIDE:
        raise UsageError(
            f"an ONNX file from elsewhere is written as {', '.join(OUTSIDE)}; {kind} was wanted",
            hint="the other formats are made from a network of ours: ccnet-edge adopt takes in a "
            "checkpoint",
        )
    find_exporter(kind)  # its library may not be installed
    check_options(
        kind,
        options.precision,
        dynamic=options.dynamic,
        calibrated=options.calibration is not None,
    )
    model = read_outside(path)
    shape = fixed_size(model, path)
    found = precision_of(model)
    if found != "fp32":
        raise UsageError(
            f"{path}: a network in fp32 was wanted, this one is in {found} already",
            hint="give the file that it was made from; package and bench take it as it is",
        )
    inside = [node.op_type for node in model.graph.node if _has_graphs(node)]
    if inside:
        raise UsageError(
            f"{path}: a network of one graph was wanted, its {inside[0]} holds another",
            hint="export it without control flow: package and bench take it as it is",
        )
    model = under_our_names(model)
    for number, node in enumerate(model.graph.node):
        node.name = f"{node.op_type}_{number}"
    try:
        if options.precision == "int8" and opset_of(model) < QUANTISES:
            model = onnx.version_converter.convert_version(model, QUANTISES)
        artifact = OUTSIDE[kind](model, out, options, shape=shape)
        if kind == "onnx":
            open_session(out, SessionOptions()).close()
    except (DataError, UsageError):
        raise
    except Exception as error:
        out.unlink(missing_ok=True)
        raise UsageError(
            f"{path}: could not be written as {kind} in {options.precision}: "
            f"{(str(error).splitlines() or [type(error).__name__])[0]}",
            hint="export the network in a newer opset, such as 18, and with plainer operators",
        ) from error
    return artifact


def _has_graphs(node: NodeProto) -> bool:
    return any(a.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS) for a in node.attribute)


def _onnx(model: ModelProto, out: Path, options: ExportOptions, *, shape: Shape) -> Artifact:
    return write_model(in_precision(model, options), out, options, shape=shape)


def _openvino(model: ModelProto, out: Path, options: ExportOptions, *, shape: Shape) -> Artifact:
    from ccnet_edge.export.openvino import UNSIGNED, write_openvino

    if options.precision == "int8":
        model = in_precision(model, options, UNSIGNED)
    return write_openvino(model, out, options, shape=shape)


def _ort(model: ModelProto, out: Path, options: ExportOptions, *, shape: Shape) -> Artifact:
    check_machine(options.machine)
    model = in_precision(model, options, ort_scheme(options.machine))
    return write_ort(model, out, options, shape=shape)


def _tensorrt(model: ModelProto, out: Path, options: ExportOptions, *, shape: Shape) -> Artifact:
    wish = EngineWish(
        version=options.tensorrt or DEFAULT_VERSION,
        precision=options.precision,
        size=shape,
        ram_bytes=options.limits.ram_bytes,
        calibration=options.calibration,
    )
    return write_prepared(prepare(model, wish), out, precision=options.precision)


# The formats that a foreign graph is written in, and how.
OUTSIDE: dict[str, Write] = {
    "onnx": _onnx,
    "openvino": _openvino,
    "ort": _ort,
    "tensorrt": _tensorrt,
}
