"""A trained network in ONNX Runtime's own format, optimised beforehand for an architecture.

What ONNX Runtime's `convert_onnx_models_to_ort` does with `--optimization_style Fixed
--target_platform amd64|arm`: the optimised graph of a session, saved. Its default, for any
platform, is 1.25 times as slow on x86.

NOTE: the bytes are not the same every time: ONNX Runtime writes initialisers and operators in the
order of a hash table. A build ships the format `onnx`, whose bytes are.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import onnxruntime
from onnx import ModelProto

from ccnet_edge.device.backends.ort import LOG_ERRORS, VECTORS, vector_bits
from ccnet_edge.errors import UsageError
from ccnet_edge.export import ExportOptions, describe_file
from ccnet_edge.export.onnx import onnx_model
from ccnet_edge.export.onnx_int8 import Scheme, scheme_for
from ccnet_edge.export.opset import opset_of
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import Artifact
from ccnet_edge.train import load_trained

X86, ARM = ("x86_64",), ("aarch64", "armv7l")


def export_ort(trained: Path, out: Path, options: ExportOptions) -> Artifact:
    """Write the network in the folder `trained` to `out`; see `export.export`.

    Raises:
        UsageError: a target whose layouts ONNX Runtime does not have, or the layouts of an x86
            that is not this machine's.
    """
    check_machine(options.machine)
    record, module = load_trained(trained)
    model = onnx_model(record, module, options, scheme=ort_scheme(options.machine))
    return write_ort(model, out, options, shape=record.shape)


def ort_scheme(machine: str) -> Scheme:
    """Where int8 values lie.

    A session that loads such a file does not choose kernels anew, so what keeps x86 without VNNI
    from overflowing in an ONNX file (see `backends.ort`) does not serve here.
    """
    return replace(scheme_for(machine), narrow=machine in X86)


def write_ort(
    model: ModelProto, out: Path, options: ExportOptions, *, shape: tuple[int, int, int, int]
) -> Artifact:
    """Write a graph that is in the precision of `options` already; see `check_machine`."""
    opset = opset_of(model)
    serial.write_bytes(out, _optimised(model, options.machine))
    size = (0, 0) if options.dynamic else shape[2:]
    return describe_file(
        out, kind="ort", opset=opset, shape=(*shape[:2], *size), precision=options.precision
    )


def check_machine(machine: str) -> None:
    """Refuse a processor whose layouts cannot be written here.

    Raises:
        UsageError: ONNX Runtime has none for it, or they are those of another x86 than this one.
    """
    if machine not in (*X86, *ARM):
        raise UsageError(
            f"ONNX Runtime optimises for {', '.join((*X86, *ARM))}, {machine} was wanted",
            hint="export --format onnx: it is optimised where it is loaded",
        )
    if machine in X86 and not vector_bits():
        raise UsageError(
            "the ORT format for x86_64 holds weights in the order of a processor's vectors, and "
            "this machine is none, or does not say how wide they are",
            hint="export on an x86_64 with Linux, or --format onnx",
        )


def _optimised(model: ModelProto, machine: str) -> bytes:
    """The graph of a session on `model` with all optimisations, as ONNX Runtime saves it."""
    on_arm = machine in ARM
    if not on_arm:
        model.metadata_props.add(key=VECTORS, value=str(vector_bits()))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = LOG_ERRORS
    options.add_session_config_entry("session.save_model_format", "ORT")
    options.add_session_config_entry("session.qdqisint8allowed", "1" if on_arm else "0")
    with tempfile.TemporaryDirectory(prefix="ccnet-edge-") as name:
        path = Path(name) / "model.ort"
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(
            model.SerializeToString(),
            options,
            providers=["CPUExecutionProvider"],
            # Blocked layouts are for x86 alone.
            disabled_optimizers=["NchwcTransformer"] if on_arm else None,
        )
        return path.read_bytes()
