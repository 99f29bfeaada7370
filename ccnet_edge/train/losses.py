"""Losses over logits and labels that leave ignored pixels out; one row each."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from ccnet_edge.dataset import IGNORE

# Keeps Dice defined, and its gradient finite, for a class that a batch does not show; pixels.
_SMOOTH = 1.0

Loss = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross entropy over the pixels that are not ignored.

    Args:
        logits: [N, 1, H, W] (two classes) or [N, K, H, W].
        labels: [N, H, W] uint8, a class or 255.

    Returns:
        A scalar; 0 where every pixel is ignored.
    """
    seen = labels != IGNORE
    if logits.shape[1] == 1:
        each = F.binary_cross_entropy_with_logits(
            logits[:, 0], (labels == 1).to(logits.dtype), reduction="none"
        )
    else:
        each = F.cross_entropy(logits, torch.where(seen, labels, 0).long(), reduction="none")
    return (each * seen).sum() / seen.sum().clamp(min=1)


def dice(logits: Tensor, labels: Tensor) -> Tensor:
    """1 − Dice of probabilities over the whole batch, mean over the foreground classes.

    Dice of a class = (2 Σ p·y + 1) / (Σ p + Σ y + 1), sums over the batch's pixels that are
    not ignored (Milletari et al. 2016, with plain instead of squared sums).
    """
    seen = (labels != IGNORE).to(logits.dtype)
    if logits.shape[1] == 1:
        p = torch.sigmoid(logits)
        y = (labels == 1).to(logits.dtype)[:, None]
    else:
        p = torch.softmax(logits, dim=1)[:, 1:]
        classes = torch.arange(1, logits.shape[1], device=labels.device)
        y = (labels[:, None] == classes[None, :, None, None]).to(logits.dtype)
    p = p * seen[:, None]
    overlap = (p * y).sum(dim=(0, 2, 3))
    total = p.sum(dim=(0, 2, 3)) + y.sum(dim=(0, 2, 3))
    return (1 - (2 * overlap + _SMOOTH) / (total + _SMOOTH)).mean()


def dice_and_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Their sum: cross entropy for every pixel's sake, Dice for the rare class's."""
    return cross_entropy(logits, labels) + dice(logits, labels)


LOSSES: dict[str, Loss] = {
    "cross-entropy": cross_entropy,
    "dice+cross-entropy": dice_and_cross_entropy,
}
