"""A trained network as C source (`c`), and as one file with the source built (`native`)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from ccnet_edge.device.bundle.zips import zip_bytes
from ccnet_edge.export import ExportOptions, describe_file
from ccnet_edge.export.calibrate import calibrate
from ccnet_edge.native import (
    WEIGHTS,
    Convolution,
    EnginePlan,
    Subject,
    Weights,
    emit_files,
    plan_engine,
    quantise,
)
from ccnet_edge.native.footprint import application_bytes, blob_limit
from ccnet_edge.native.toolchain import build_binaries, find_compiler
from ccnet_edge.nets import SpecModule
from ccnet_edge.nets.ops import ConvBnRelu, DepthwiseBnRelu, convolution_of
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import Artifact
from ccnet_edge.spec.plan import Limits
from ccnet_edge.spec.target import Precision
from ccnet_edge.spec.training import TrainedNetwork
from ccnet_edge.train import load_trained


def export_c(trained: Path, out: Path, options: ExportOptions) -> Artifact:
    """Write source and weights into the folder `out`; see `export.export`.

    The artefact is the weights' file: with the source, which is for every machine, it is all that
    a firmware builds.
    """
    record, files = _files(trained, options)
    for name, content in files.items():
        serial.write_bytes(out / name, content)
    return describe_file(
        out / WEIGHTS,
        kind="c",
        opset=0,
        shape=record.shape,
        precision=options.precision,
    )


def export_native(trained: Path, out: Path, options: ExportOptions) -> Artifact:
    """Write source, weights and what was built from them to the file `out`.

    Built for the target's instruction set. Another machine that opens it builds the source that
    it holds, so that parity is shown on the file that ships.

    Raises:
        MissingExtraError: no compiler for the target.
    """
    record, files = _files(trained, options)
    built = build_binaries(files, find_compiler(options.machine))
    binaries = {f"bin/{options.machine}/{name}": content for name, content in built.items()}
    serial.write_bytes(out, zip_bytes(files | binaries))
    return describe_file(
        out, kind="native", opset=0, shape=record.shape, precision=options.precision
    )


def fold(module: SpecModule) -> Weights:
    """Every convolution's weights with batch normalisation folded in, in double precision."""
    blocks = {node.name: module.block(node) for node in module.spec.nodes}
    return {
        name: _folded(block, convolution)
        for name, block in blocks.items()
        if (convolution := convolution_of(block)) is not None
    }


def _files(trained: Path, options: ExportOptions) -> tuple[TrainedNetwork, dict[str, bytes]]:
    record, module = load_trained(trained)
    plan = plan_for(record, options.limits, precision=options.precision)
    subject = Subject.of(plan, record.preprocessing, record.classes)
    weights = fold(module)
    if options.calibration is None:
        return record, emit_files(subject, weights)
    seen = calibrate(module, options.calibration)
    return record, emit_files(subject, quantise(plan.program, weights, seen, record.preprocessing))


def plan_for(
    record: TrainedNetwork, limits: Limits, *, precision: Precision = "fp32"
) -> EnginePlan:
    """The engine's choices for a trained network: the fastest that memory and disk allow."""
    height, width = record.preprocessing.input_size
    return plan_engine(
        record.network,
        height=height,
        width=width,
        limit_bytes=application_bytes(limits.ram_bytes),
        weights_limit=blob_limit(limits.disk_bytes),
        integer=precision == "int8",
    )


def _folded(block: nn.Module, convolution: nn.Conv2d | nn.ConvTranspose2d) -> Convolution:
    weight = convolution.weight.detach().double()
    if isinstance(block, (ConvBnRelu, DepthwiseBnRelu)):
        norm = block.norm
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
        weight = weight * scale[:, None, None, None]
        bias = norm.bias.double() - norm.running_mean.double() * scale
    else:
        assert convolution.bias is not None
        bias = convolution.bias.double()
    return Convolution(weight=weight.detach().numpy(), bias=bias.detach().numpy())
