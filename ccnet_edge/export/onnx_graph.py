"""A torch module as an ONNX graph in float32, with nothing in it of the machine that made it.

The exporter's own notes (source lines, module paths, tracing names) are taken out: they hold
paths of that machine, and names that depend on what was exported before.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import onnx
import torch
from onnx import ModelProto

from ccnet_edge import __version__
from ccnet_edge.errors import CcnetError, UsageError

if TYPE_CHECKING:
    from torch import nn

# NOTE: the oldest that the dynamo exporter writes, not the newest: nothing in these networks
# needs more, and engines on devices lag behind (ONNX Runtime 1.14 and TensorRT 8.6 read both).
OPSET = 18
IR_VERSION = 8
# ONNX Runtime → the newest opset and IR version that it loads, tried with the wheels of 1.19.2,
# 1.21.1 and 1.23.2. The last is the newest for Python 3.10, which JetPack 6 has.
RUNTIME_LIMITS = {"1.19": (21, 10), "1.21": (22, 10), "1.23": (23, 11)}
INPUT, OUTPUT = "image", "logits"
AXES = {2: "height", 3: "width"}
# Where `nets.SpecModule` keeps the modules of the nodes.
MODULE_PREFIX = "blocks."
# Inference-time operators that have to be gone: normalisation is folded into convolutions.
FOLDED = frozenset({"BatchNormalization", "Identity", "Constant"})


def float_graph(
    module: nn.Module, shape: tuple[int, int, int, int], *, dynamic: bool
) -> ModelProto:
    """`module` (in evaluation mode, on any device) for an input `shape`, [1, C, H, W] float32.

    Args:
        module: the network.
        shape: of the input; the output is [1, outputs, H, W] logits.
        dynamic: whether any H and W that the network's output stride divides are taken.
    """
    model = _translate(module, shape, dynamic=dynamic)
    clean(model)
    _rename(model)
    if dynamic:
        for value in (*model.graph.input, *model.graph.output):
            for axis, name in AXES.items():
                value.type.tensor_type.shape.dim[axis].dim_param = name
    return model


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


def clean(model: ModelProto) -> None:
    """Take out what a tool noted about itself; engines infer shapes in between on their own."""
    graph = model.graph
    model.ir_version = IR_VERSION
    model.producer_name, model.producer_version = "ccnet-edge", __version__
    for noted in (model, graph, *graph.input, *graph.output, *graph.initializer, *graph.node):
        noted.ClearField("doc_string")
        del noted.metadata_props[:]
    graph.name = "network"
    del graph.value_info[:]


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


def check(model: ModelProto) -> None:
    """Raise where a graph is not what every engine of ours relies on."""
    onnx.checker.check_model(model, full_check=True)
    versions = {entry.domain: entry.version for entry in model.opset_import}
    if versions != {"": OPSET}:
        raise CcnetError(f"operators of ONNX {OPSET} alone were wanted, found {versions}")
    left = FOLDED & {node.op_type for node in model.graph.node}
    external = [w.name for w in model.graph.initializer if w.data_location != w.DEFAULT]
    if left or external:
        raise CcnetError(
            f"the exported graph still holds {sorted(left)} nodes and {len(external)} weights "
            f"outside of its file; none of either were wanted",
            hint="another version of torch or onnxscript may be installed; torch 2.13 is tested",
        )


def under_our_names(model: ModelProto) -> ModelProto:
    """Input and output under the names that every engine of ours has; no names twice.

    Raises:
        UsageError: another tensor has one of the names.
    """
    graph = model.graph
    names = {graph.input[0].name: INPUT, graph.output[0].name: OUTPUT}
    taken = {name for node in graph.node for name in node.output} | {
        w.name for w in graph.initializer
    }
    if (taken & {INPUT, OUTPUT}) - names.keys():
        raise UsageError(
            f"the graph uses the names {INPUT} and {OUTPUT} for other tensors than its input and "
            "output",
            hint="rename them",
        )
    for value in (*graph.input, *graph.output):
        value.name = names.get(value.name, value.name)
    for node in graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = names.get(name, name)
        for place, name in enumerate(node.output):
            node.output[place] = names.get(name, name)
    return model


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
