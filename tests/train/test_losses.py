"""Laws of the losses: torch's and closed formulas, and ignored pixels that do not matter."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from ccnet_edge.train.losses import LOSSES, cross_entropy, dice

IGNORE = 255


def batch(outputs: int, classes: int) -> tuple[Tensor, Tensor]:
    torch.manual_seed(outputs)
    logits = torch.randn(2, outputs, 6, 5, requires_grad=True)
    return logits, torch.randint(classes, (2, 6, 5), dtype=torch.uint8)


def test_cross_entropy_of_one_logit_is_torchs() -> None:
    logits, labels = batch(1, 2)
    expected = F.binary_cross_entropy_with_logits(logits[:, 0], labels.float())
    torch.testing.assert_close(cross_entropy(logits, labels), expected)


def test_cross_entropy_of_several_classes_is_torchs_with_its_ignored_index() -> None:
    logits, labels = batch(3, 3)
    labels[0, :3] = IGNORE
    expected = F.cross_entropy(logits, labels.long(), ignore_index=IGNORE)
    torch.testing.assert_close(cross_entropy(logits, labels), expected)


def test_two_logits_that_differ_by_one_logit_lose_the_same() -> None:
    logits, labels = batch(1, 2)
    pair = torch.cat([torch.zeros_like(logits), logits], dim=1)
    for loss in LOSSES.values():
        torch.testing.assert_close(loss(pair, labels), loss(logits, labels))


def test_dice_of_sure_and_right_logits_is_zero_and_of_sure_and_wrong_ones_nearly_one() -> None:
    _, labels = batch(1, 2)
    sure = 40 * (2 * labels[:, None].float() - 1)
    assert dice(sure, labels).item() == pytest.approx(0, abs=1e-6)
    total = labels.numel()  # the wrong half is predicted, the right half missed
    assert dice(-sure, labels).item() == pytest.approx(1 - 1 / (total + 1))


def test_dice_of_half_sure_logits_is_the_formula() -> None:
    labels = torch.tensor([[[1, 1, 0, 0]]], dtype=torch.uint8)
    # p = 1/2 everywhere: overlap 1, sum of p 2, sum of y 2.
    assert dice(torch.zeros(1, 1, 1, 4), labels).item() == pytest.approx(1 - 3 / 5)


@pytest.mark.parametrize("name", sorted(LOSSES))
@pytest.mark.parametrize("outputs", [1, 3])
def test_ignored_pixels_neither_lose_nor_pull(name: str, outputs: int) -> None:
    logits, labels = batch(outputs, max(2, outputs))
    labels[:, 2:4] = IGNORE
    LOSSES[name](logits, labels).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert not logits.grad[:, :, 2:4].any()
    assert logits.grad[:, :, :2].any()
    changed = logits.detach().clone()
    changed[:, :, 2:4] += 3
    torch.testing.assert_close(LOSSES[name](changed, labels), LOSSES[name](logits, labels))


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_a_batch_of_nothing_but_ignored_pixels_loses_nothing_and_has_a_gradient(name: str) -> None:
    logits, labels = batch(1, 2)
    loss = LOSSES[name](logits, torch.full_like(labels, IGNORE))
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()
