"""Scores of filters, by node: the larger, the more is lost without the filter."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from ccnet_edge.experiments.pruning.filters import convolutions
from ccnet_edge.nets import SpecModule
from ccnet_edge.train.patches import Batch

# Node → a score for each of its filters, [channels].
Scores = dict[str, Tensor]
# A loss over logits [N, K, H, W] and labels [N, H, W], a scalar.
Loss = Callable[[Tensor, Tensor], Tensor]


def l1_scores(module: SpecModule) -> Scores:
    """The L1 norm of every filter (Li et al., ICLR 2017; G22)."""
    return {name: _by_filter(part).abs().sum(dim=1) for name, part in convolutions(module).items()}


def taylor_scores(module: SpecModule, batches: Iterable[Batch], loss: Loss) -> Scores:
    """First-order change of the loss without a feature map (Molchanov et al., ICLR 2017, eq. 8).

    |mean over its positions of z · ∂L/∂z| for each example, its mean over the examples, and each
    node's scores divided by their L2 norm, as the paper does before it compares across layers.
    """
    sums: Scores = {}
    for products in _products(module, batches, loss):
        for name, product in products.items():
            each = product.mean(dim=(2, 3)).abs().sum(dim=0)
            sums[name] = sums.get(name, torch.zeros_like(each)) + each
    return {name: each / each.norm().clamp(min=1e-12) for name, each in sums.items()}


def importance_scores(module: SpecModule, batches: Iterable[Batch], loss: Loss) -> Scores:
    """Squared first-order change of the loss (Molchanov et al., CVPR 2019, eq. 8 with gates).

    A gate of 1 behind every feature map has the gradient Σ z · ∂L/∂z over positions and examples;
    its square, summed over the mini-batches, is comparable across layers as it is.
    """
    sums: Scores = {}
    for products in _products(module, batches, loss):
        for name, product in products.items():
            each = product.sum(dim=(0, 2, 3)).square()
            sums[name] = sums.get(name, torch.zeros_like(each)) + each
    return sums


def _products(
    module: SpecModule, batches: Iterable[Batch], loss: Loss
) -> Iterable[dict[str, Tensor]]:
    """Products z · ∂L/∂z of every node with filters, [N, channels, H, W], batch by batch."""
    module.eval()
    device = next(module.parameters()).device
    for batch in batches:
        kept: dict[str, Tensor] = {}
        handles = [
            module.block(node).register_forward_hook(_keeping(kept, node.name))
            for node in module.spec.nodes
            if node.name in convolutions(module)
        ]
        try:
            logits = module(batch.images.to(device))
        finally:
            for handle in handles:
                handle.remove()
        gradients = torch.autograd.grad(loss(logits, batch.labels.to(device)), list(kept.values()))
        yield {
            name: (z * gradient).detach()
            for (name, z), gradient in zip(kept.items(), gradients, strict=True)
        }


def _keeping(kept: dict[str, Tensor], name: str) -> Callable[[nn.Module, object, Tensor], None]:
    def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        kept[name] = output

    return hook


def _by_filter(part: nn.Conv2d | nn.ConvTranspose2d) -> Tensor:
    """Its weights as [filters, weights of each]; a transposed convolution's filters come second."""
    weight = part.weight.detach()
    if isinstance(part, nn.ConvTranspose2d):
        weight = weight.transpose(0, 1)
    return weight.flatten(1)
