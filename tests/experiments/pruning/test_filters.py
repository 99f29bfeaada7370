"""Pruned networks are specs of their own, and compute what the masked network does."""

import pytest
import torch
from torch import nn

from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.cost import parameters
from ccnet_edge.cost.estimate import onnx_bytes
from ccnet_edge.errors import InfeasibleError, UsageError
from ccnet_edge.experiments.pruning import (
    filter_groups,
    keep_globally,
    keep_per_layer,
    keep_share,
    l1_scores,
    remove_filters,
)
from ccnet_edge.experiments.pruning.filters import convolutions, with_node_widths
from ccnet_edge.nets import SpecModule, build_module


@pytest.fixture(scope="module")
def module() -> SpecModule:
    """A U-Net with 4 to 8 channels whose normalisation is not the identity."""
    spec = ARCHITECTURES["unet"](in_channels=3).with_widths((4, 5, 6, 7, 8))
    found = build_module(spec)
    generator = torch.Generator().manual_seed(1)
    for part in found.modules():
        if isinstance(part, nn.BatchNorm2d):
            for values in (part.weight.data, part.bias.data, part.running_var):
                assert isinstance(values, torch.Tensor)
                values.uniform_(0.5, 1.5, generator=generator)
    return found.eval()


@pytest.fixture
def image() -> torch.Tensor:
    return torch.rand((1, 3, 32, 32), generator=torch.Generator().manual_seed(2))


def test_every_node_with_filters_but_the_last_is_a_group(module: SpecModule) -> None:
    thinned = {(node.name,): node.width for node in module.spec.nodes if node.thinned}
    assert filter_groups(module) == thinned


def test_a_pruned_network_computes_what_the_masked_one_does(
    module: SpecModule, image: torch.Tensor
) -> None:
    kept = keep_share(module, l1_scores(module), 0.5)
    pruned = remove_filters(module, kept)
    masked = build_module(module.spec)
    masked.load_state_dict(module.state_dict())
    for (name,), stays in kept.items():
        part = convolutions(masked)[name]
        gone = [i for i in range(part.out_channels) if i not in stays]
        if isinstance(part, nn.ConvTranspose2d):
            part.weight.data[:, gone] = 0
            assert part.bias is not None
            part.bias.data[gone] = 0
        else:
            norm = next(masked.block(node) for node in module.spec.nodes if node.name == name).norm
            assert isinstance(norm, nn.BatchNorm2d)
            norm.weight.data[gone] = 0
            norm.bias.data[gone] = 0
    torch.testing.assert_close(pruned(image), masked.eval()(image), rtol=1e-4, atol=1e-5)


def test_a_pruned_spec_counts_as_torch_does(module: SpecModule) -> None:
    pruned = remove_filters(module, keep_share(module, l1_scores(module), 0.5))
    assert parameters(pruned.spec) == sum(p.numel() for p in pruned.parameters())
    assert pruned.spec.widths == (2, 3, 3, 4, 4)
    assert not any(node.thinned for node in pruned.spec.nodes)


def test_what_was_pruned_can_be_pruned_again(module: SpecModule, image: torch.Tensor) -> None:
    once = remove_filters(module, keep_share(module, l1_scores(module), 0.5))
    twice = remove_filters(once, keep_share(once, l1_scores(once), 0.5))
    assert twice.spec.widths == (1, 2, 2, 2, 2)
    assert twice(image).shape == (1, 1, 32, 32)


def test_the_filters_with_the_least_l1_norm_go(module: SpecModule) -> None:
    norms = convolutions(module)["encoder0_conv1"].weight.detach().abs().sum(dim=(1, 2, 3))
    kept = keep_share(module, l1_scores(module), 0.5)[("encoder0_conv1",)]
    assert set(kept) == set(norms.argsort()[2:].tolist())


@pytest.mark.parametrize("keep", [keep_globally, keep_per_layer])
def test_pruning_stops_where_the_budget_holds(module: SpecModule, keep: object) -> None:
    full = onnx_bytes(module.spec, bits=32)
    assert callable(keep)
    for share in (0.5, 0.8):
        kept = keep(module, l1_scores(module), budget_bytes=round(share * full))
        assert 0.8 * share * full < onnx_bytes(remove_filters(module, kept).spec, bits=32)
        assert onnx_bytes(remove_filters(module, kept).spec, bits=32) <= share * full
    whole = keep(module, l1_scores(module), budget_bytes=full)
    assert remove_filters(module, whole).spec.widths == module.spec.widths


def test_the_best_filters_of_all_layers_stay_and_one_of_each(module: SpecModule) -> None:
    scores = {name: torch.zeros_like(each) for name, each in l1_scores(module).items()}
    scores["bottleneck_conv1"] += 1
    widths = {name: 1 for (name,) in filter_groups(module)} | {"bottleneck_conv1": 8}
    least = onnx_bytes(with_node_widths(module.spec, widths), bits=32)
    kept = keep_globally(module, scores, budget_bytes=least)
    assert {name: len(stays) for (name,), stays in kept.items()} == widths


def test_a_budget_below_one_filter_a_layer_is_infeasible(module: SpecModule) -> None:
    with pytest.raises(InfeasibleError, match="one filter in every layer takes"):
        keep_globally(module, l1_scores(module), budget_bytes=1000)


def test_no_layer_can_lose_all_filters(module: SpecModule) -> None:
    with pytest.raises(UsageError, match="at least 1 has to stay"):
        remove_filters(module, {("encoder0_conv1",): ()})
