"""Filters that have to go together, and a network without some of its filters.

The bookkeeping (who reads a filter's channel, through concatenations and sums) is that of
torch-pruning's dependency graph (Fang et al., DepGraph, CVPR 2023).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from ccnet_edge.cost.ops import find_op
from ccnet_edge.errors import MissingExtraError, UsageError
from ccnet_edge.nets import SpecModule, build_module
from ccnet_edge.nets.ops import convolution_of
from ccnet_edge.spec.network import NetworkSpec

# The nodes of a group → the filters of it that stay, in ascending order.
Kept = Mapping[tuple[str, ...], tuple[int, ...]]


def filter_groups(module: SpecModule) -> dict[tuple[str, ...], int]:
    """Groups of nodes whose filters go together, and how many filters each of the nodes has.

    Most groups are one node; those that a sum joins are one group. The nodes that give the
    logits, and sums with the image, are in none.
    """
    graph, names = _graph(module)
    head = list(convolutions(module).values())[-1]
    found: dict[tuple[str, ...], int] = {}
    seen: set[Any] = {head}
    for part in names:
        if part in seen:
            continue
        removing = graph.get_pruner_of_module(part).prune_out_channels
        group = graph.get_pruning_group(part, removing, list(range(part.out_channels)))
        together = dict.fromkeys(
            dep.target.module
            for dep, _ in group
            if graph.is_out_channel_pruning_fn(dep.handler) and dep.target.module in names
        )
        seen |= together.keys()
        if head not in together:
            found[tuple(names[each] for each in together)] = part.out_channels
    return found


def remove_filters(module: SpecModule, kept: Kept) -> SpecModule:
    """The network with the filters in `kept` alone; groups that are not in it stay whole.

    Raises:
        UsageError: a group of which nothing stays.
    """
    pruned = copy.deepcopy(module)
    graph, names = _graph(pruned)
    modules = {name: part for part, name in names.items()}
    for nodes, stays in kept.items():
        root = modules[nodes[0]]
        goes = sorted(set(range(root.out_channels)) - set(stays))
        if not stays:
            raise UsageError(f"node {nodes[0]} would have no filter left; at least 1 has to stay")
        if goes:
            removing = graph.get_pruner_of_module(root).prune_out_channels
            graph.get_pruning_group(root, removing, goes).prune()
    spec = with_node_widths(
        module.spec, {name: part.out_channels for name, part in modules.items()}
    )
    smaller = build_module(spec)
    smaller.load_state_dict(pruned.state_dict())
    return smaller.train(module.training)


def with_node_widths(spec: NetworkSpec, widths: Mapping[str, int]) -> NetworkSpec:
    """The network whose nodes have `widths` by name; a scale's is that of its widest node.

    Its nodes are thinned no further: they have no width in common that a plan could change.
    """
    channels: dict[str, int] = {}
    nodes = []
    for node in spec.nodes:
        read = [channels[name] for name in node.inputs]
        width = node.width  # of 0 it is that of the inputs
        if width and node.name in widths:
            width = widths[node.name]
        elif width and read and not find_op(node).convolves:
            width = read[0]  # a sum has the channels of its terms
        nodes.append(replace(node, width=width, thinned=False))
        channels[node.name] = width or sum(read)
    own = [(n.scale, n.width) for n in nodes[:-1] if n.width and n.name in widths]
    widest = tuple(
        max((width for scale, width in own if scale == s), default=spec.widths[s])
        for s in range(spec.scales)
    )
    return replace(spec, nodes=tuple(nodes), widths=widest)


def convolutions(module: SpecModule) -> dict[str, nn.Conv2d | nn.ConvTranspose2d]:
    """The convolution of each node that has one, by the node's name."""
    found = {node.name: convolution_of(module.block(node)) for node in module.spec.nodes}
    return {name: part for name, part in found.items() if part is not None}


def _graph(module: SpecModule) -> tuple[Any, dict[Any, str]]:
    """torch-pruning's graph of a module, and the names of the nodes that its convolutions are.

    Raises:
        MissingExtraError: torch-pruning is not installed.
    """
    try:
        import torch_pruning
    except ImportError as error:
        raise MissingExtraError(
            "pruning needs torch-pruning, which is not installed",
            hint="pip install 'ccnet-edge[build]'",
        ) from error
    training, device = module.training, next(module.parameters()).device
    side = 2 * module.spec.output_stride
    example = torch.zeros(1, module.spec.in_channels, side, side, device=device)
    with torch.enable_grad():  # it follows the gradient's functions
        graph = torch_pruning.DependencyGraph().build_dependency(module.eval(), example)
    module.train(training)
    own = {node.name for node in module.spec.nodes if node.width}
    return graph, {part: name for name, part in convolutions(module).items() if name in own}
