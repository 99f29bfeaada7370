"""Artefacts of a trained network: one file a format, one row of each table."""

from __future__ import annotations

import hashlib
import importlib
import platform
from pathlib import Path

from ccnet_edge.errors import MissingExtraError, UsageError, unknown_key
from ccnet_edge.export.options import Exporter, ExportOptions, Inputs
from ccnet_edge.isolated import ENVIRONMENTS, find_environment
from ccnet_edge.spec.artifact import Artifact
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.target import Precision

__all__ = [
    "DYNAMIC",
    "EXPORTERS",
    "FILES",
    "FORMATS",
    "MIXED",
    "PRECISIONS",
    "ExportOptions",
    "Exporter",
    "Inputs",
    "check_mixed",
    "check_network",
    "check_options",
    "check_tools",
    "describe_file",
    "export",
    "find_exporter",
    "trained_folder",
]

# Format → "module:function"; a string, so that no format's library is imported before its use.
EXPORTERS = {
    "c": "ccnet_edge.export.native:export_c",
    "executorch": "ccnet_edge.export.executorch:export_executorch",
    "litert": "ccnet_edge.export.litert:export_litert",
    "native": "ccnet_edge.export.native:export_native",
    "ncnn": "ccnet_edge.export.ncnn:export_ncnn",
    "onnx": "ccnet_edge.export.onnx:export_onnx",
    "openvino": "ccnet_edge.export.openvino:export_openvino",
    "ort": "ccnet_edge.export.ort_format:export_ort",
    "tensorrt": "ccnet_edge.export.tensorrt:export_tensorrt",
    "web": "ccnet_edge.export.web:export_web",
}
# Format → what its file is called where nobody says.
FILES = {
    "c": "c",
    "executorch": "model.pte",
    "litert": "model.tflite",
    "native": "model.ccnet",
    "ncnn": "model.ncnn",
    "onnx": "model.onnx",
    "openvino": "model.ovir",
    "ort": "model.ort",
    "tensorrt": "model.trt.onnx",
    "web": "web",
}
# Format → the precisions that it is written in.
PRECISIONS: dict[str, tuple[Precision, ...]] = {
    "c": ("fp32", "int8"),
    "executorch": ("fp32", "int8"),
    "litert": ("fp32", "fp16", "int8"),
    "native": ("fp32", "int8"),
    "ncnn": ("fp32", "fp16"),
    "onnx": ("fp32", "fp16", "int8"),
    "openvino": ("fp32", "fp16", "int8"),
    # In fp16, ONNX Runtime on a processor writes float32 weights and casts.
    "ort": ("fp32", "int8"),
    "tensorrt": ("fp32", "fp16", "int8"),
    "web": ("fp32",),
}
# Formats whose file can take any size; the others compile one into it.
DYNAMIC = frozenset({"ncnn", "onnx", "openvino", "ort", "tensorrt"})
# Formats that can be in int8 with some nodes in float32 (`ExportOptions.exclude`).
MIXED = frozenset({"onnx", "openvino", "ort"})
# Operators that a format has none for, as its converter said when it was tried.
LACKS: dict[str, frozenset[str]] = dict.fromkeys(
    ("executorch", "litert", "ncnn"), frozenset({"patches"})
)
# Engine → the format that it reads.
FORMATS = {
    "executorch": "executorch",
    "litert": "litert",
    "native": "native",
    "ncnn": "ncnn",
    "onnxruntime": "onnx",
    "openvino": "openvino",
    "tensorrt": "tensorrt",
}
# Formats whose library is not in the extra "build".
EXTRAS = {"openvino": "build,openvino"}
# What training writes last, and where a build directory keeps what training left.
TRAINED = "trained.json"
TRAINING = "train"


def export(
    format: str,  # noqa: A002
    trained: Path,
    out: Path,
    options: ExportOptions | None = None,
) -> Artifact:
    """Write the network in the folder `trained` to `out` as `format`: a file, `c` a folder.

    Args:
        format: a key of `EXPORTERS`.
        trained: what training left behind.
        out: the file or folder to write.
        options: precision, size and target; None for fp32 of the trained size, for this machine.

    Raises:
        UsageError: no such format, or not in this precision, size or width.
        MissingExtraError: the format's library is not installed.
        DataError: `trained` holds no trained network.
    """
    options = options if options is not None else ExportOptions()
    check_options(
        format,
        options.precision,
        dynamic=options.dynamic,
        calibrated=options.calibration is not None,
    )
    if options.exclude:
        check_mixed(format)
    return find_exporter(format)(trained, out, options)


def check_options(
    format: str,  # noqa: A002
    precision: Precision,
    *,
    dynamic: bool,
    calibrated: bool,
) -> None:
    """Refuse what a format cannot be written in, before anything is done for it.

    Raises:
        UsageError: no such format, not in `precision` or not of any size (names those that are),
            int8 without images to calibrate it on, or images for another precision.
    """
    if format not in EXPORTERS:
        raise unknown_key("format", format, EXPORTERS)
    if precision not in PRECISIONS[format]:
        others = [name for name, known in sorted(PRECISIONS.items()) if precision in known]
        raise UsageError(
            f"{precision} was wanted as {format}, which is written in "
            f"{' and '.join(PRECISIONS[format])} alone",
            hint=f"formats in {precision}: {', '.join(others)}" if others else "",
        )
    if dynamic and format not in DYNAMIC:
        raise UsageError(
            f"a file of format {format} holds one size, so --dynamic is not possible there",
            hint="train with the --size that pictures are to have; formats of any size: "
            + ", ".join(sorted(DYNAMIC)),
        )
    if precision == "int8" and not calibrated:
        raise UsageError(
            "--data was wanted: int8 is calibrated on training images",
            hint="give the folder that the network was trained on",
        )
    if precision != "int8" and calibrated:
        raise UsageError("--data is for --precision int8, which is calibrated on its images")


def check_mixed(format: str) -> None:  # noqa: A002
    """Refuse a format whose int8 has no nodes in float32.

    Raises:
        UsageError: names the formats whose int8 can have some.
    """
    if format not in MIXED:
        raise UsageError(
            f"nodes in float32 were wanted in int8, which a file of format {format} cannot have",
            hint=f"formats that can: {', '.join(sorted(MIXED))}",
        )


def check_network(format: str, network: NetworkSpec) -> None:  # noqa: A002
    """Refuse a network whose operators a format has not, before anything is done for it.

    Raises:
        UsageError: names the operators, and formats that have them.
    """
    missing = {node.op for node in network.nodes} & LACKS.get(format, frozenset())
    if missing:
        others = sorted(set(EXPORTERS) - set(LACKS))
        raise UsageError(
            f"a file of format {format} cannot hold {network.architecture}: it has no operator for "
            f"{', '.join(sorted(missing))}",
            hint=f"formats to try: {', '.join(others)}",
        )


def check_tools(format: str, machine: str) -> None:  # noqa: A002
    """Refuse a format whose library or compiler is missing, before anything is trained for it.

    Raises:
        MissingExtraError: names what to install.
    """
    find_exporter(format)
    if format in ENVIRONMENTS:
        find_environment(format).require(f"exporting {format}")
    if format == "native":
        from ccnet_edge.native.toolchain import find_compiler

        # This machine's too: parity is shown here.
        for each in (machine, platform.machine()):
            find_compiler(each)


def find_exporter(name: str) -> Exporter:
    """The exporter of format `name`, its library imported.

    Raises:
        UsageError: no such format.
        MissingExtraError: the format's library is not installed.
    """
    if name not in EXPORTERS:
        raise unknown_key("format", name, EXPORTERS)
    module, function = EXPORTERS[name].split(":")
    try:
        exporter: Exporter = getattr(importlib.import_module(module), function)
    except ImportError as error:
        raise MissingExtraError(
            f"exporting {name} needs a library that is not installed: {error}",
            hint=f"pip install 'ccnet-edge[{EXTRAS.get(name, 'build')}]'",
        ) from error
    return exporter


def trained_folder(folder: Path) -> Path:
    """Where the trained network is: `folder` itself, or inside of a build directory."""
    inside = folder / TRAINING
    return inside if (inside / TRAINED).is_file() else folder


def describe_file(
    path: Path,
    *,
    kind: str,
    opset: int,
    shape: tuple[int, int, int, int],
    precision: Precision = "fp32",
) -> Artifact:
    """The artefact of format `kind` that the file at `path` is."""
    content = path.read_bytes()
    return Artifact(
        format=kind,
        precision=precision,
        file=path.name,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        opset=opset,
        shape=shape,
    )
