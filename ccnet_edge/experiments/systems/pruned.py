"""Structured pruning of a trained network down to the budget, and fine-tuning.

As published, Taylor and importance-estimation pruning stop after a share of the filters and stay
near the size of the base network (CC21 Table 10: log θ 7.491 and 7.492 of 7.492); here they go on
until the file keeps the budget, as every other system has to. They remove filters in `ROUNDS`
and score what is left anew before each, without training between.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ccnet_edge.cost.estimate import onnx_bytes
from ccnet_edge.experiments.pruning import (
    importance_scores,
    keep_globally,
    keep_per_layer,
    keep_share,
    l1_scores,
    remove_filters,
    taylor_scores,
)
from ccnet_edge.experiments.pruning.scores import Scores
from ccnet_edge.experiments.systems.shop import Made, Shop
from ccnet_edge.nets import SpecModule
from ccnet_edge.train.losses import LOSSES
from ccnet_edge.train.material import gather
from ccnet_edge.train.patches import Batch, PatchSource
from ccnet_edge.train.places import find_place

ROUNDS = 5
# Mini-batches that gradients are taken over, in each round.
BATCHES = 16
# What L1 pruning leaves of a plan's filters: G22 finds no loss of accuracy down to half of them,
# on networks that were not thinned before.
LEFT_OF_PLAN = 0.75


def l1(shop: Shop, folder: Path) -> Made:
    """The same share of filters out of every layer, those of least L1 norm [G22]."""

    def compress(module: SpecModule) -> SpecModule:
        scores, budget = l1_scores(module), shop.terms.budget_bytes
        return remove_filters(module, keep_per_layer(module, scores, budget_bytes=budget))

    return shop.fine_tune(shop.network(shop.terms.base), compress, folder)


def planned_l1(shop: Shop, folder: Path) -> Made:
    """The layer-wise plan without the quarter of filters of least L1 norm in every layer."""

    def compress(module: SpecModule) -> SpecModule:
        return remove_filters(module, keep_share(module, l1_scores(module), LEFT_OF_PLAN))

    return shop.fine_tune(shop.network(shop.terms.layerwise), compress, folder)


def taylor(shop: Shop, folder: Path) -> Made:
    """Filters of all layers by first-order change of the loss (Molchanov et al. 2017)."""

    def scored(module: SpecModule, batches: list[Batch]) -> Scores:
        return taylor_scores(module, batches, LOSSES[shop.recipe.loss])

    return _by_gradients(shop, folder, scored)


def importance(shop: Shop, folder: Path) -> Made:
    """Filters of all layers by squared first-order change of the loss (Molchanov et al. 2019)."""

    def scored(module: SpecModule, batches: list[Batch]) -> Scores:
        return importance_scores(module, batches, LOSSES[shop.recipe.loss])

    return _by_gradients(shop, folder, scored)


def _by_gradients(
    shop: Shop, folder: Path, scored: Callable[[SpecModule, list[Batch]], Scores]
) -> Made:
    network = shop.network(shop.terms.base)

    def compress(module: SpecModule) -> SpecModule:
        full, budget = onnx_bytes(module.spec, bits=32), shop.terms.budget_bytes
        patches = _patches(shop)
        for number in range(1, ROUNDS + 1):
            # A constant factor a round, so that each removes about the same share of what is there.
            target = round(full * (min(budget, full) / full) ** (number / ROUNDS))
            batches = [patches.batch(number * BATCHES + i) for i in range(BATCHES)]
            scores = scored(module, batches)
            module = remove_filters(module, keep_globally(module, scores, budget_bytes=target))
        return module

    return shop.fine_tune(network, compress, folder)


def _patches(shop: Shop) -> PatchSource:
    """Training patches, as the recipe cuts them."""
    terms = shop.terms
    material = gather(
        shop.network(terms.base),
        shop.dataset,
        shop.recipe,
        find_place("cpu"),
        height=terms.height,
        width=terms.width,
        seed=terms.seed,
        progress=shop.progress,
    )
    return material.patches
