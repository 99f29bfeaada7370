"""The U-Net against the figures that the papers print of it."""

import pytest

from ccnet_edge.architectures import ARCHITECTURES, find_architecture
from ccnet_edge.architectures.unet import unet
from ccnet_edge.cost import shapes, values_per_scale, weights_per_scale
from ccnet_edge.errors import UsageError

# PAPERS: one input channel, one output; three channels at 512 × 512 for the feature maps.
WEIGHTS_PER_SCALE = (180_864, 794_624, 3_178_496, 12_713_984, 14_155_776)
FEATURE_MAPS_PER_SCALE = (84_148_224, 41_943_040, 20_971_520, 10_485_760, 2_097_152)


def test_weights_per_scale_are_the_published_ones() -> None:
    assert weights_per_scale(unet(in_channels=1)) == WEIGHTS_PER_SCALE
    assert sum(WEIGHTS_PER_SCALE) == 31_023_744


def test_feature_maps_per_scale_are_those_worked_by_hand() -> None:
    network = unet(in_channels=3)
    held = values_per_scale(network, height=512, width=512)
    maps = tuple(h - w for h, w in zip(held, weights_per_scale(network), strict=True))
    assert maps == FEATURE_MAPS_PER_SCALE
    assert sum(held) == 190_670_592


def test_encoder_is_64_to_1024_with_two_convolutions_a_stage() -> None:
    network = unet()
    encoder = [n.width for n in network.nodes if n.name.startswith(("encoder", "bottle"))]
    assert [width for width in encoder if width] == [
        width for width in (64, 128, 256, 512, 1024) for _ in range(2)
    ]


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
@pytest.mark.parametrize("outputs", [1, 4])
def test_logits_have_the_inputs_resolution(name: str, outputs: int) -> None:
    network = ARCHITECTURES[name](in_channels=2, outputs=outputs)
    height, width = 3 * network.output_stride, 2 * network.output_stride
    found = shapes(network, height=height, width=width)
    assert found[network.nodes[-1].name] == (outputs, height, width, 1)


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_every_scale_is_thinned_by_its_width(name: str) -> None:
    network = ARCHITECTURES[name]()
    thinned = {node.scale for node in network.nodes if node.thinned}
    assert thinned == set(range(network.scales))
    assert network.with_widths((3,) * network.scales).widths == (3,) * network.scales


def test_an_unknown_architecture_names_the_known_ones_and_the_closest() -> None:
    with pytest.raises(UsageError, match=r"unknown architecture 'u-net'; known: .*unet") as caught:
        find_architecture("u-net")
    assert caught.value.hint == "did you mean 'unet'?"
