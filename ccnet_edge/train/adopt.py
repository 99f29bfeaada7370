"""A checkpoint that was trained elsewhere, taken in as if training had left it here.

It is a state dict as safetensors, and its network one of our architectures at widths of its own,
which its tensors tell. Names that are others are mapped; whatever does not fit exactly is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from ccnet_edge.architectures import base_network
from ccnet_edge.cost.shapes import check_image_size
from ccnet_edge.errors import DataError, UsageError
from ccnet_edge.nets import SpecModule, build_module
from ccnet_edge.nets.ops import convolution_of
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import Preprocessing
from ccnet_edge.spec.network import NetworkSpec, Node, outputs_for
from ccnet_edge.spec.training import TrainedNetwork
from ccnet_edge.train.checkpoint import (
    NAMED,
    PREFIX,
    STORED,
    counted,
    listed,
    modules,
    read_tensors,
    renamed,
    without_biases,
)
from ccnet_edge.train.state import TRAINED, WEIGHTS, weights_bytes

# What the record of a network says that was trained nobody knows how.
ELSEWHERE = "elsewhere"
# Counts batches for torch's own averages, and says nothing to a network that only infers.
COUNTER = "num_batches_tracked"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What a person says of a checkpoint; `preprocessing` has everything but `multiple`.

    `rename` maps what our tensors' names begin with to what theirs do: `encoder0_conv1.conv` →
    `inc.0`.
    """

    file: Path
    architecture: str
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    rename: Mapping[str, str]


def adopt(checkpoint: Checkpoint, out: Path) -> TrainedNetwork:
    """Write the checkpoint's network to the folder `out`, as training leaves one.

    Batch normalisation's ε is torch's own, 1e-5, which no tensor tells. A convolution's bias before
    it, which ours has not, goes into its mean.

    Raises:
        UsageError: no such architecture, a size that it does not take, other outputs than
            classes, or another network in the folder.
        DataError: no safetensors file, or tensors that are missing, too many, of other shapes or
            kinds, or not finite.
    """
    path = checkpoint.file
    found = renamed(read_tensors(path), checkpoint.rename, path)
    spec = _network(checkpoint, found)
    weights = _fitted(found, spec, path)
    content = weights_bytes(weights)
    trained = TrainedNetwork(
        network=spec,
        preprocessing=replace(checkpoint.preprocessing, multiple=spec.output_stride),
        classes=checkpoint.classes,
        recipe=ELSEWHERE,
        seed=0,
        steps=0,
        best_step=0,
        device="",
        curve=(),
        weights_sha256=hashlib.sha256(content).hexdigest(),
        source=path.name,
    )
    _check_free(out, trained)
    serial.write_bytes(out / WEIGHTS, content)
    serial.save(trained, out / TRAINED)
    return trained


def _check_free(out: Path, trained: TrainedNetwork) -> None:
    """Refuse a folder that holds another network, or anything else than this one."""
    files = {path.name for path in out.iterdir()} if out.is_dir() else set()
    ours = files <= {WEIGHTS, TRAINED}
    if TRAINED in files and ours:
        ours = serial.load(TrainedNetwork, out / TRAINED) == trained
    if not ours:
        raise UsageError(
            f"{out}: a new or an empty folder was wanted, found {', '.join(sorted(files)[:NAMED])}",
            hint="give another one with -o",
        )


def names_to_fill(path: Path, architecture: str) -> str:
    """A file for `rename` that lacks their names: a line for each of ours, theirs as comments.

    Raises:
        UsageError: no such architecture.
        DataError: see `read_tensors`.
    """
    ours = build_module(base_network(architecture, channels=3, classes=2)).state_dict()
    found = sorted(modules(read_tensors(path)), key=counted)
    theirs = "\n".join(f"#   {name}" for name in found)
    lines = "\n".join(f'"{name.removeprefix(PREFIX)}" = ""' for name in modules(ours))
    return (
        f"# Between the empty quotes: what of {path.name} is the {architecture}'s part on the "
        f"left.\n# It has\n{theirs}\n\n{lines}"
    )


def _network(checkpoint: Checkpoint, found: Mapping[str, Tensor]) -> NetworkSpec:
    """The architecture at the widths that the tensors have."""
    pre, classes = checkpoint.preprocessing, checkpoint.classes
    base = base_network(checkpoint.architecture, channels=pre.channels, classes=len(classes))
    check_image_size(base, height=pre.height, width=pre.width)
    channels = {
        node.name: _channels(module, found, f"{PREFIX}{key}") for node, key, module in _blocks(base)
    }
    last = channels.get(base.nodes[-1].name)
    if last is not None and last != outputs_for(len(classes)):
        raise UsageError(
            f"{checkpoint.file}: {len(classes)} classes take {outputs_for(len(classes))} outputs, "
            f"the network has {last}",
            hint="name as many classes as it has, background first; two are one output",
        )
    scales: list[dict[Node, int]] = [{} for _ in base.widths]
    for node in base.nodes:
        count = channels.get(node.name)
        if node.thinned and count is not None:
            scales[node.scale][node] = count
    widths = tuple(
        _width(scale, width, checkpoint.file)
        for scale, width in zip(scales, base.widths, strict=True)
    )
    return base.with_widths(widths)


def _blocks(spec: NetworkSpec) -> list[tuple[Node, str, nn.Module]]:
    """Every node with its key and module, built at the least widths."""
    module = build_module(spec.with_widths((1,) * spec.scales))
    return [(n, n.name.replace(".", "_"), module.block(n)) for n in spec.nodes]


def _channels(block: nn.Module, found: Mapping[str, Tensor], name: str) -> int | None:
    """A node's output channels, by its convolution's weights; None where there are none."""
    convolution = convolution_of(block)
    if convolution is None:
        return None
    inner = "" if convolution is block else ".conv"
    weight = found.get(f"{name}{inner}.weight")
    if weight is None or weight.dim() != 4:
        return None
    return int(weight.shape[1 if isinstance(convolution, nn.ConvTranspose2d) else 0])


def _width(channels: Mapping[Node, int], base: int, path: Path) -> int:
    """The scale's width, of which every node has its share."""
    if not channels:
        return base  # what is missing is said where all tensors are looked at
    most = round(max(count / node.share for node, count in channels.items())) + 1
    for width in range(1, most + 1):
        if all(max(1, round(width * node.share)) == count for node, count in channels.items()):
            return width
    counts = ", ".join(f"{node.name} {count}" for node, count in channels.items())
    raise DataError(
        f"{path}: one width for every scale was wanted, found channels that have none: {counts}",
        hint="bring a network of other widths as ONNX: ccnet-edge package --onnx FILE",
    )


def _fitted(found: dict[str, Tensor], spec: NetworkSpec, path: Path) -> dict[str, Tensor]:
    """The tensors as the network's state dict, in float32."""
    with torch.device("meta"):
        wanted = SpecModule(spec).state_dict()
    given = without_biases(found, wanted)
    counters = {name: value for name, value in wanted.items() if name.endswith(COUNTER)}
    given = {name: v for name, v in given.items() if not name.endswith(COUNTER)} | counters
    missing = {name: wanted[name] for name in wanted if name not in given}
    others = {name: given[name] for name in given if name not in wanted}
    if missing or others:
        raise DataError(
            f"{path}: the tensors of a {spec.architecture} were wanted, {len(missing)} are missing"
            f" ({listed(missing) or 'none'}) and {len(others)} belong nowhere "
            f"({listed(others) or 'none'})",
            hint="say what their names begin with and what ours do: --names prints a file to fill "
            "in, --rename FILE takes it; a network that is built otherwise comes as ONNX",
        )
    for name, value in given.items():
        if value.shape != wanted[name].shape:
            raise DataError(
                f"{path}: {name} of shape {list(wanted[name].shape)} was wanted for widths "
                f"{list(spec.widths)}, found {list(value.shape)}"
            )
        if name not in counters and value.dtype not in STORED:
            raise DataError(f"{path}: {name} in floating point was wanted, found {value.dtype}")
    fitted = {name: given[name].to(wanted[name].dtype) for name in wanted if name not in counters}
    for name, value in fitted.items():
        if not torch.isfinite(value).all():
            raise DataError(f"{path}: {name} holds values that are not finite in float32")
    return fitted | {name: torch.zeros((), dtype=torch.int64) for name in counters}
