"""Thin normalisation is torch's own, to rounding: values, gradients, running statistics."""

import copy

import pytest
import torch
from torch import Tensor, nn

from ccnet_edge.nets.norm import norm_relu


def layer(channels: int, dtype: torch.dtype = torch.float64) -> nn.BatchNorm2d:
    torch.manual_seed(channels)
    norm = nn.BatchNorm2d(channels, dtype=dtype)
    nn.init.uniform_(norm.weight, -1, 2)
    nn.init.uniform_(norm.bias, -1, 1)
    return norm


def image(channels: int, height: int, width: int, dtype: torch.dtype = torch.float64) -> Tensor:
    torch.manual_seed(height)
    x = torch.randn(3, channels, height, width, dtype=dtype) * 2 + 5
    return x.to(memory_format=torch.channels_last).requires_grad_()


@pytest.mark.parametrize("channels", [1, 3, 4, 7])
@pytest.mark.parametrize("size", [(16, 8), (5, 7)])
def test_thin_layers_give_what_torchs_give(channels: int, size: tuple[int, int]) -> None:
    norm, x = layer(channels), image(channels, *size)
    reference, y = copy.deepcopy(norm), x.detach().contiguous().requires_grad_()
    ours, theirs = norm_relu(x, norm), torch.relu(reference(y))
    torch.testing.assert_close(ours, theirs)
    above = torch.randn_like(theirs)
    for a, b in zip(
        torch.autograd.grad(ours, (x, norm.weight, norm.bias), above),
        torch.autograd.grad(theirs, (y, reference.weight, reference.bias), above),
        strict=True,
    ):
        torch.testing.assert_close(a, b)
    for name, buffer in reference.named_buffers():
        torch.testing.assert_close(dict(norm.named_buffers())[name], buffer)


def test_a_large_mean_does_not_spoil_the_variance() -> None:
    norm = layer(4, torch.float32)
    x = (image(4, 16, 16, torch.float32).detach() * 1e-2 + 1e3).requires_grad_()
    exact = copy.deepcopy(norm).double()(x.detach().double())
    torch.testing.assert_close(norm_relu(x, norm), torch.relu(exact).float(), atol=2e-2, rtol=0)


def test_bfloat16_goes_in_and_comes_out_with_sums_in_float32() -> None:
    norm = layer(4, torch.float32)
    x = image(4, 16, 16, torch.bfloat16)
    exact = torch.relu(copy.deepcopy(norm)(x.detach().float()))
    ours = norm_relu(x, norm)
    assert ours.dtype == torch.bfloat16
    torch.testing.assert_close(ours.float(), exact, atol=0.02, rtol=0.01)
    (gradient,) = torch.autograd.grad(ours.float().sum(), x)
    assert gradient.dtype == torch.bfloat16


def test_inference_uses_the_running_statistics() -> None:
    norm, x = layer(4).eval(), image(4, 8, 8)
    torch.testing.assert_close(norm_relu(x, norm), torch.relu(norm(x)))
