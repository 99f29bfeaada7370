"""Neuron merging: a filter that goes leaves its part to the most similar one that stays.

Kim et al., Neuron Merging: Compensating for Pruned Neurons, NeurIPS 2020. Where a removed filter
is s times one that stays, s > 0, so are their feature maps behind ReLU and pooling; what reads
both then reads the one that stays with weights w + s·w_removed and gives what it gave before.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from ccnet_edge.experiments.pruning.filters import Kept, convolutions, remove_filters
from ccnet_edge.nets import SpecModule
from ccnet_edge.nets.ops import ConvBnRelu
from ccnet_edge.spec.network import NetworkSpec

# How much directions count against biases when the most similar filter is looked for (λ of the
# paper), and the cosine below which a filter goes without leaving anything (its threshold t).
DIRECTION, LEAST_COSINE = 0.85, 0.1
# What hands a channel on as it is, times any s > 0.
_PASSING = ("concat", "maxpool")

# A channel of a tensor: the node that made it, and which of its filters.
Channel = tuple[str, int]


@torch.no_grad()
def merge_filters(module: SpecModule, kept: Kept) -> SpecModule:
    """The network with the filters in `kept` alone, what goes merged into the next layers.

    Filters of convolutions with normalisation and ReLU are merged where nothing but pooling and
    concatenation stands between them and the convolutions that read them; others only go.
    """
    merged = copy.deepcopy(module).eval()
    stays = {name: filters for nodes, filters in kept.items() for name in nodes}
    readers = _readers(module.spec)
    for node in module.spec.nodes:
        block = merged.block(node)
        if isinstance(block, ConvBnRelu) and node.name in stays and node.name in readers:
            for removed, into, scale in _partners(block, stays[node.name]):
                for reader in readers[node.name]:
                    _hand_over(merged, reader, (node.name, removed), (node.name, into), scale)
    return remove_filters(merged, kept).train(module.training)


def _partners(block: ConvBnRelu, stays: tuple[int, ...]) -> list[tuple[int, int, float]]:
    """Each removed filter, the one that stays and is most like it, and how many times it that is.

    Filters are taken with their normalisation folded into them: w·γ/σ, and β − μγ/σ as bias.
    """
    norm = block.norm
    assert norm.running_mean is not None
    assert norm.running_var is not None
    factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    weights = (block.conv.weight * factor[:, None, None, None]).flatten(1)
    biases = norm.bias - norm.running_mean * factor
    lengths = weights.norm(dim=1).clamp(min=1e-12)
    there = torch.tensor(stays)
    found = []
    for removed in sorted(set(range(len(weights))) - set(stays)):
        cosines = (weights[there] @ weights[removed]) / (lengths[there] * lengths[removed])
        scales = lengths[removed] / lengths[there]
        apart = (biases[removed] - scales * biases[there]).abs()
        apart = apart / apart.max().clamp(min=1e-12)
        distance = DIRECTION * (1 - cosines) + (1 - DIRECTION) * apart
        best = int(distance.argmin())
        if cosines[best] >= LEAST_COSINE:
            found.append((removed, stays[best], float(scales[best])))
    return found


def _hand_over(
    module: SpecModule, reader: str, removed: Channel, into: Channel, scale: float
) -> None:
    """Let `reader` read `into` with what it read `removed` with, times `scale`."""
    part = convolutions(module)[reader]
    axis = 0 if isinstance(part, nn.ConvTranspose2d) else 1
    weight: Tensor = part.weight.data.transpose(0, axis)  # [inputs, …], a view
    channels = _channels(module.spec)[_source(module.spec, reader)]
    olds = [i for i, channel in enumerate(channels) if channel == removed]
    news = [i for i, channel in enumerate(channels) if channel == into]
    for old, new in zip(olds, news, strict=True):
        weight[new] += scale * weight[old]
        weight[old] = 0


def _channels(spec: NetworkSpec) -> dict[str, list[Channel]]:
    """Node → where each channel of its output comes from."""
    found: dict[str, list[Channel]] = {}
    for node in spec.nodes:
        if node.op in _PASSING:
            found[node.name] = [channel for name in node.inputs for channel in found[name]]
        else:
            width = node.width or len(found[node.inputs[0]])
            found[node.name] = [(node.name, i) for i in range(width)]
    return found


def _readers(spec: NetworkSpec) -> dict[str, tuple[str, ...]]:
    """Node → the convolutions that read its channels; without nodes that others read too."""
    channels = _channels(spec)
    found: dict[str, list[str]] = {}
    others: set[str] = set()
    for node in spec.nodes:
        if node.op in _PASSING:
            continue
        made = dict.fromkeys(name for source in node.inputs for name, _ in channels[source])
        for name in made:
            if node.op in ("conv", "conv_bn_relu", "upconv"):
                found.setdefault(name, []).append(node.name)
            else:
                others.add(name)
    return {name: tuple(readers) for name, readers in found.items() if name not in others}


def _source(spec: NetworkSpec, name: str) -> str:
    return next(node.inputs[0] for node in spec.nodes if node.name == name)
