"""Neuron merging loses nothing where a filter that goes is a multiple of one that stays."""

import pytest
import torch

from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.experiments.pruning import filter_groups, merge_filters, remove_filters
from ccnet_edge.experiments.pruning.filters import Kept
from ccnet_edge.nets import SpecModule, build_module
from ccnet_edge.nets.ops import ConvBnRelu

# A skip's source, a decoder's layer, the bottleneck that a transposed convolution reads, the last.
NODES = ("encoder1_conv2", "decoder1_conv1", "bottleneck_conv2", "decoder0_conv2")


def twin(node: str, factor: float) -> SpecModule:
    """A U-Net in which filter 2 of a node gives `factor` times what its filter 0 gives."""
    spec = ARCHITECTURES["unet"](in_channels=3).with_widths((3, 3, 4, 4, 5))
    module = build_module(spec)
    generator = torch.Generator().manual_seed(3)
    for other in module.modules():
        if isinstance(other, ConvBnRelu):
            other.norm.bias.data.uniform_(-0.2, 0.4, generator=generator)
    block = next(module.block(each) for each in spec.nodes if each.name == node)
    assert isinstance(block, ConvBnRelu)
    norm = block.norm
    assert norm.running_mean is not None
    block.conv.weight.data[2] = 3 * block.conv.weight.data[0]
    norm.weight.data[2] = norm.weight.data[0] * factor / 3
    norm.bias.data[2] = norm.bias.data[0] * factor
    norm.running_mean[2] = 3 * norm.running_mean[0]
    return module.eval()


def without(module: SpecModule, node: str, filters: tuple[int, ...]) -> Kept:
    count = filter_groups(module)[(node,)]
    return {(node,): tuple(i for i in range(count) if i not in filters)}


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize("factor", [1.0, 0.5])
def test_merging_a_multiple_of_another_filter_loses_nothing(node: str, factor: float) -> None:
    module = twin(node, factor)
    image = torch.rand((1, 3, 32, 32), generator=torch.Generator().manual_seed(4))
    kept = without(module, node, (2,))
    expected = module(image)
    merged = merge_filters(module, kept)
    assert merged.spec == remove_filters(module, kept).spec
    torch.testing.assert_close(merged(image), expected, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(remove_filters(module, kept)(image), expected, rtol=1e-3, atol=1e-3)


def test_a_filter_like_no_other_only_goes() -> None:
    module = twin("encoder1_conv2", 1.0)
    block = next(module.block(n) for n in module.spec.nodes if n.name == "encoder1_conv2")
    assert isinstance(block, ConvBnRelu)
    block.conv.weight.data[:2] = block.conv.weight.data[0].abs()
    block.conv.weight.data[2] = -block.conv.weight.data[0]
    kept = without(module, "encoder1_conv2", (2,))
    image = torch.rand((1, 3, 32, 32), generator=torch.Generator().manual_seed(4))
    merged, removed = merge_filters(module, kept), remove_filters(module, kept)
    torch.testing.assert_close(merged(image), removed(image))
