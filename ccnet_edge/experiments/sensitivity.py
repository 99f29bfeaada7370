"""How much a trained network needs each of its layers: weights pruned at random (CC21 Fig. 12)."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from ccnet_edge.dataset import SegmentationDataset, spread
from ccnet_edge.errors import DataError, UsageError
from ccnet_edge.experiments.pruning.filters import convolutions
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.spec.sensitivity import LayerLoss, LayerSensitivity, Sensitivity
from ccnet_edge.train import load_trained, torch_predict
from ccnet_edge.train.evaluate import quick_scores
from ccnet_edge.train.pictures import Pictures, own_size

SHARES = (0.25, 0.5, 0.75)
SEEDS = 3


def measure_sensitivity(
    trained: Path,
    dataset: SegmentationDataset,
    *,
    shares: Sequence[float] = SHARES,
    seeds: int = SEEDS,
    images: int | None = None,
    progress: Progress = silent,
) -> Sensitivity:
    """Prune each layer of the network in `trained` alone, at random, and score what is left.

    Weights are set to 0 one by one, without retraining; biases and normalisation stay. Each
    layer, share and seed has weights of its own, the same in every call.

    Args:
        trained: what training left.
        dataset: its test split is scored.
        shares: of a layer's weights that go, 0 to 1.
        seeds: how often each is drawn.
        images: of the test split, evenly spread; None for all.

    Raises:
        DataError: no trained network there, or no test images.
        UsageError: a share outside of 0 to 1.
    """
    if not all(0 <= share <= 1 for share in shares):
        raise UsageError(f"shares from 0 to 1 were wanted, found {list(shares)}")
    record, module = load_trained(trained)
    if not dataset.test:
        raise DataError(f"{dataset.name}: the test split has no images to score on")
    samples = spread(dataset.test, images or len(dataset.test))
    pictures = Pictures(samples, lambda sample: own_size(dataset, sample, record.preprocessing))
    predict = torch_predict(module)

    def score() -> float:
        found = quick_scores(predict, pictures, record.preprocessing, record.classes)
        return found.f1 or 0.0

    whole = score()
    scales = {node.name: node.scale for node in record.network.nodes}
    parts = convolutions(module)
    layers = []
    for number, (name, part) in enumerate(parts.items()):
        losses = []
        for share in shares:
            scores = []
            for seed in range(seeds):
                with _without(part.weight.data, share, seed=(seed, number)):
                    scores.append(score())
            losses.append(_loss(share, whole, scores))
        layers.append(
            LayerSensitivity(
                node=name, scale=scales[name], weights=part.weight.numel(), losses=tuple(losses)
            )
        )
        progress("prune", done=number + 1, total=len(parts), note=name)
    return Sensitivity(
        architecture=record.network.architecture,
        widths=record.network.widths,
        name=dataset.name,
        data=dataset.fingerprint,
        height=record.preprocessing.height,
        width=record.preprocessing.width,
        images=len(samples),
        seeds=seeds,
        f1=whole,
        weights_sha256=record.weights_sha256,
        layers=tuple(layers),
    )


def _loss(share: float, whole: float, scores: Sequence[float]) -> LayerLoss:
    return LayerLoss(
        share=share,
        f1=tuple(scores),
        mean=whole - statistics.fmean(scores),
        spread=statistics.stdev(scores) if len(scores) > 1 else 0.0,
    )


@contextmanager
def _without(weight: Tensor, share: float, *, seed: tuple[int, int]) -> Iterator[None]:
    """`weight` with `share` of its values 0, for a while."""
    before = weight.clone()
    generator = torch.Generator().manual_seed(1_000_003 * seed[0] + seed[1])
    order = torch.randperm(weight.numel(), generator=generator)
    gone = torch.zeros(weight.numel(), dtype=torch.bool)
    gone[order[: round(share * weight.numel())]] = True
    weight.masked_fill_(gone.view(weight.shape), 0.0)
    try:
        yield
    finally:
        weight.copy_(before)
