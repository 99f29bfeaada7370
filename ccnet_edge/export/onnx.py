"""A trained network as one ONNX file that says how its input is made and what its classes are.

What travels is the graph, its weights and the metadata of `export.metadata`. The exporter's own
notes (source lines, module paths, tracing names) are taken out: they hold paths of the machine
that exported, and names that depend on what was exported before.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import onnx
import torch
from onnx import ModelProto

from ccnet_edge import __version__
from ccnet_edge.errors import CcnetError
from ccnet_edge.export import ExportOptions, describe_file
from ccnet_edge.export.metadata import ModelMetadata, attach
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import Artifact
from ccnet_edge.train import load_trained

if TYPE_CHECKING:
    from torch import nn

# NOTE: the oldest that the dynamo exporter writes, not the newest: nothing in these networks
# needs more, and engines on devices lag behind (ONNX Runtime 1.14 and TensorRT 8.6 read both).
OPSET = 18
IR_VERSION = 8
INPUT, OUTPUT = "image", "logits"
AXES = {2: "height", 3: "width"}
# Where `nets.SpecModule` keeps the modules of the nodes.
MODULE_PREFIX = "blocks."
# Inference-time operators that have to be gone: normalisation is folded into convolutions.
FOLDED = frozenset({"BatchNormalization", "Identity", "Constant"})


def export_onnx(trained: Path, out: Path, options: ExportOptions) -> Artifact:
    """Write the network in the folder `trained` to `out`; see `export.export`.

    One file for every machine, whose memory is the engine's business.
    """
    record, module = load_trained(trained)
    metadata = ModelMetadata(
        network=record.network, preprocessing=record.preprocessing, classes=record.classes
    )
    return write_onnx(module, metadata, out, dynamic=options.dynamic)


def write_onnx(module: nn.Module, metadata: ModelMetadata, out: Path, *, dynamic: bool) -> Artifact:
    """Write `module` (in evaluation mode, on any device) to `out`.

    The input is [1, C, H, W] float32, H and W the preprocessing's `input_size`, or any that the
    network's output stride divides where `dynamic`; the output is [1, outputs, H, W] logits.
    """
    size = metadata.preprocessing.input_size
    shape = (1, metadata.network.in_channels, *size)
    model = _translate(module, shape, dynamic=dynamic)
    _clean(model, dynamic=dynamic)
    attach(model, metadata)
    _check(model)
    serial.write_bytes(out, model.SerializeToString(deterministic=True))
    free = (0, 0) if dynamic else size
    return describe_file(out, kind="onnx", opset=OPSET, shape=(*shape[:2], *free))


def _translate(module: nn.Module, shape: tuple[int, int, int, int], *, dynamic: bool) -> ModelProto:
    device = next(module.parameters()).device
    anything = torch.export.Dim.DYNAMIC
    with warnings.catch_warnings(), _quiet("torch.onnx", "torch.export", "onnxscript", "onnx_ir"):
        # The exporter's own use of what its libraries deprecate; nothing a caller could change.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        program = torch.onnx.export(
            module.eval(),
            (torch.zeros(shape, device=device),),
            dynamo=True,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=(dict.fromkeys(AXES, anything),) if dynamic else None,
            external_data=False,
            verbose=False,
        )
    assert program is not None
    model: ModelProto = program.model_proto
    return model


def _clean(model: ModelProto, *, dynamic: bool) -> None:
    """Take out what the exporter noted about itself, and give nodes and tensors plain names."""
    graph = model.graph
    model.ir_version = IR_VERSION
    model.producer_name, model.producer_version = "ccnet-edge", __version__
    for noted in (model, graph, *graph.input, *graph.output, *graph.initializer, *graph.node):
        noted.ClearField("doc_string")
        del noted.metadata_props[:]
    graph.name = "network"
    # Engines infer the shapes in between by themselves.
    del graph.value_info[:]
    _rename(model)
    if dynamic:
        for value in (*graph.input, *graph.output):
            for axis, name in AXES.items():
                value.type.tensor_type.shape.dim[axis].dim_param = name


def _rename(model: ModelProto) -> None:
    """Name nodes and what they make `Conv_0`, `Relu_1`, …, and weights by the network's nodes."""
    names: dict[str, str] = {}
    for weight in model.graph.initializer:
        names[weight.name] = weight.name = weight.name.removeprefix(MODULE_PREFIX)
    for number, node in enumerate(model.graph.node):
        node.name = f"{node.op_type}_{number}"
        for i, output in enumerate(node.output):
            if output != OUTPUT:
                names[output] = node.output[i] = node.name if i == 0 else f"{node.name}.{i}"
        for i, value in enumerate(node.input):
            node.input[i] = names.get(value, value)


def _check(model: ModelProto) -> None:
    """Raise where the exporter did not do what every engine of ours relies on."""
    onnx.checker.check_model(model, full_check=True)
    left = FOLDED & {node.op_type for node in model.graph.node}
    external = [w.name for w in model.graph.initializer if w.data_location != w.DEFAULT]
    if left or external:
        raise CcnetError(
            f"the exported graph still holds {sorted(left)} nodes and {len(external)} weights "
            f"outside of its file; none of either were wanted",
            hint="another version of torch or onnxscript may be installed; torch 2.13 is tested",
        )


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Only errors of the named loggers, for a while: their notes are about tracing."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
