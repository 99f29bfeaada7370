"""Laws of the torch reader of a network."""

import pytest
import torch
from torch import nn

from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.errors import UsageError
from ccnet_edge.nets import build_module
from ccnet_edge.spec.network import NetworkSpec, Node

THIN = ARCHITECTURES["unet"](in_channels=3, outputs=2).with_widths((3, 4, 5, 6, 7))


def test_logits_have_the_inputs_size_and_the_specs_outputs() -> None:
    assert build_module(THIN)(torch.zeros(2, 3, 32, 48)).shape == (2, 2, 32, 48)


def test_weights_are_a_function_of_the_seed_and_leave_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    first, again, other = (build_module(THIN, seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_go_by_their_nodes_names() -> None:
    names = build_module(THIN).state_dict()
    assert "blocks.encoder0_conv1.conv.weight" in names
    assert "blocks.head.bias" in names


def test_convolutions_begin_with_he_variance() -> None:
    module = build_module(ARCHITECTURES["unet"]().with_widths((64, 64, 64, 64, 64)))
    for part in module.modules():
        if isinstance(part, nn.Conv2d) and part.weight.numel() > 20_000:
            fan_in = part.in_channels * 9
            assert part.weight.var().item() == pytest.approx(2 / fan_in, rel=0.05)


def test_a_tensor_is_let_go_of_after_its_last_reader() -> None:
    module = build_module(THIN)
    dies = module._dies_at
    assert dies["decoder0_join"] == ("encoder0_conv2", "decoder0_up")
    assert dies["encoder0_conv2"] == ("encoder0_conv1",)


def test_an_unknown_operator_is_an_error_that_lists_the_known_ones() -> None:
    nodes = (
        Node(name="in", op="input", width=1),
        Node(name="x", op="conv_bn_rely", inputs=("in",)),
    )
    with pytest.raises(
        UsageError, match=r"unknown operator 'conv_bn_rely'; known: .*concat"
    ) as caught:
        build_module(NetworkSpec(architecture="odd", nodes=nodes, widths=(1,)))
    assert "conv_bn_relu" in caught.value.hint


def test_a_name_with_a_dot_is_a_node_like_any_other() -> None:
    nodes = (
        Node(name="in", op="input", width=1),
        Node(name="stage.0", op="conv", inputs=("in",), width=1, kernel=1),
    )
    module = build_module(NetworkSpec(architecture="dotted", nodes=nodes, widths=(1,)))
    assert module(torch.zeros(1, 1, 4, 4)).shape == (1, 1, 4, 4)
