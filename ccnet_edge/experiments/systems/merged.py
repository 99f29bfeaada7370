"""Neuron merging (Kim et al. 2020): pruned by L1 norm, what goes merged into the next layers."""

from __future__ import annotations

from pathlib import Path

from ccnet_edge.experiments.pruning import keep_per_layer, keep_share, l1_scores, merge_filters
from ccnet_edge.experiments.systems.shop import Made, Shop
from ccnet_edge.nets import SpecModule

# CC21 prunes 10 % of the neurons of its plans. A layer of fewer than ten filters keeps them all.
LEFT_OF_PLAN = 0.9


def base(shop: Shop, folder: Path) -> Made:
    """The base network, pruned until the budget holds and merged, then fine-tuned.

    NOTE: the paper merges without fine-tuning, and up to half of the filters; at a twentieth of
    the weights nothing is left to use without.
    """

    def compress(module: SpecModule) -> SpecModule:
        scores, budget = l1_scores(module), shop.terms.budget_bytes
        return merge_filters(module, keep_per_layer(module, scores, budget_bytes=budget))

    return shop.fine_tune(shop.network(shop.terms.base), compress, folder)


def planned(shop: Shop, folder: Path) -> Made:
    """The layer-wise plan with 10 % of each layer's filters merged into others, as CC21 does."""

    def compress(module: SpecModule) -> SpecModule:
        return merge_filters(module, keep_share(module, l1_scores(module), LEFT_OF_PLAN))

    return shop.fine_tune(shop.network(shop.terms.layerwise), compress, folder)
