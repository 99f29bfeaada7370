"""Which filters stay: a share of each layer, or the best of all, so that a file keeps a budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from ccnet_edge.cost.estimate import onnx_bytes
from ccnet_edge.errors import InfeasibleError
from ccnet_edge.experiments.pruning.filters import Kept, filter_groups, with_node_widths
from ccnet_edge.experiments.pruning.scores import Scores
from ccnet_edge.nets import SpecModule
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.units import format_bytes

Groups = Mapping[tuple[str, ...], int]
_BITS = 32


def keep_share(module: SpecModule, scores: Scores, share: float) -> Kept:
    """`share` of each group's filters, rounded up, those with the highest scores."""
    groups = filter_groups(module)
    return _per_layer(groups, _orders(groups, scores), share)


def keep_per_layer(module: SpecModule, scores: Scores, *, budget_bytes: int) -> Kept:
    """The largest common share of filters in each layer whose ONNX file keeps the budget.

    Raises:
        InfeasibleError: one filter in every layer is over it.
    """
    groups = filter_groups(module)
    orders = _orders(groups, scores)
    # Shares at which some layer changes: those of the largest layer are fine enough.
    steps = max(groups.values())

    def kept(removed: int) -> Kept:
        return _per_layer(groups, orders, 1 - removed / steps)

    return _least(module.spec, kept, most=steps, budget_bytes=budget_bytes)


def keep_globally(module: SpecModule, scores: Scores, *, budget_bytes: int) -> Kept:
    """The filters with the highest scores of all layers together whose file keeps the budget.

    A layer's last filter stays.

    Raises:
        InfeasibleError: one filter in every layer is over it.
    """
    groups = filter_groups(module)
    orders = _orders(groups, scores)
    combined = _combined(groups, scores)
    # The best of a layer is never in the queue, so that it stays.
    queue = sorted(
        (float(combined[nodes][i]), number, i)
        for number, nodes in enumerate(groups)
        for i in orders[nodes][1:]
    )
    keys = list(groups)

    def kept(removed: int) -> Kept:
        goes = {(keys[number], i) for _, number, i in queue[:removed]}
        return {
            nodes: tuple(i for i in range(count) if (nodes, i) not in goes)
            for nodes, count in groups.items()
        }

    return _least(module.spec, kept, most=len(queue), budget_bytes=budget_bytes)


def _least(spec: NetworkSpec, kept: Callable[[int], Kept], *, most: int, budget_bytes: int) -> Kept:
    """What stays when as few filters as the budget wants are removed, by bisection."""
    least = 0
    if (over := file_bytes(spec, kept(most))) > budget_bytes:
        raise InfeasibleError(
            f"a pruned {spec.architecture} of {format_bytes(budget_bytes)} was wanted, one filter "
            f"in every layer takes {format_bytes(over)}",
            hint="give a larger --budget",
        )
    while least < most:
        middle = (least + most) // 2
        if file_bytes(spec, kept(middle)) <= budget_bytes:
            most = middle
        else:
            least = middle + 1
    return kept(least)


def file_bytes(spec: NetworkSpec, kept: Kept) -> int:
    """An upper bound of the ONNX file's bytes with the filters in `kept` alone."""
    widths = {name: len(stays) for nodes, stays in kept.items() for name in nodes}
    return onnx_bytes(with_node_widths(spec, widths), bits=_BITS)


def _per_layer(groups: Groups, orders: Mapping[tuple[str, ...], list[int]], share: float) -> Kept:
    kept = {}
    for nodes, count in groups.items():
        # The tolerance: a share that is a whole number of filters is that number.
        stays = max(1, -int(-(share * count - 1e-9) // 1))
        kept[nodes] = tuple(sorted(orders[nodes][:stays]))
    return kept


def _combined(groups: Groups, scores: Scores) -> dict[tuple[str, ...], torch.Tensor]:
    """The scores of a group's filters: the sum over its nodes."""
    return {nodes: torch.stack([scores[name] for name in nodes]).sum(dim=0) for nodes in groups}


def _orders(groups: Groups, scores: Scores) -> dict[tuple[str, ...], list[int]]:
    """Filters from the best to the worst; of equal ones the first comes first."""
    return {
        nodes: torch.argsort(each, descending=True, stable=True).tolist()
        for nodes, each in _combined(groups, scores).items()
    }
