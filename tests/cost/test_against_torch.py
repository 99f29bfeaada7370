"""The torch reader of a network counts what the cost reader counts, at random widths."""

import pytest
import torch
from hypothesis import given, settings
from torch.utils.flop_counter import FlopCounterMode

from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.cost import macs, parameters, shapes, weights
from ccnet_edge.cost.ops import OPS
from ccnet_edge.nets import build_module
from ccnet_edge.nets.ops import OPS as TORCH_OPS
from ccnet_edge.spec.network import NetworkSpec
from tests.cost.conftest import networks

SIZE = (32, 48)


def test_cost_and_torch_know_the_same_operators() -> None:
    assert OPS.keys() == TORCH_OPS.keys()


@settings(max_examples=6, deadline=None)
@given(network=networks())
def test_torch_counts_the_same(network: NetworkSpec) -> None:
    agrees(network)


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_torch_counts_the_same_at_base_widths(name: str) -> None:
    network = ARCHITECTURES[name]()
    with torch.device("meta"):
        module = build_module(network)
    assert sum(p.numel() for p in module.parameters()) == parameters(network)


def agrees(network: NetworkSpec) -> None:
    height, width = network.input_size(*SIZE)
    module = build_module(network).eval()
    kernels = [p.numel() for p in module.parameters() if p.dim() == 4]
    assert sum(kernels) == weights(network)
    assert sum(p.numel() for p in module.parameters()) == parameters(network)
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        logits = module(torch.zeros(1, network.in_channels, height, width))
    expected = shapes(network, height=height, width=width)[network.nodes[-1].name]
    assert tuple(logits.shape) == (1, *expected[:3])
    # torch counts two operations a multiply-add.
    assert counter.get_total_flops() == 2 * macs(network, height=height, width=width)
