"""The papers' other networks, and two of today: their sizes, and what their docstrings say."""

import math
import re

import pytest

from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.architectures.cumedvision import cumedvision
from ccnet_edge.architectures.fcn import fcn
from ccnet_edge.architectures.squeezeunet import squeezeunet
from ccnet_edge.architectures.unet import unet
from ccnet_edge.cost import weights, weights_per_scale
from ccnet_edge.spec.network import NetworkSpec


def log_theta(network: NetworkSpec) -> float:
    return math.log10(weights(network))


def test_base_sizes_are_the_papers() -> None:
    assert log_theta(unet(1, 1)) == pytest.approx(7.492, abs=5e-4)
    for channels, outputs in ((3, 2), (3, 1), (1, 1)):
        assert log_theta(cumedvision(channels, outputs)) == pytest.approx(6.887, abs=0.005)
    assert log_theta(squeezeunet(1, 1)) == pytest.approx(7.049, abs=0.01)
    assert log_theta(fcn(3, 1)) == pytest.approx(7.552, abs=0.001)


def test_cumedvision_shrinks_by_alpha_squared_but_for_its_branches() -> None:
    network = cumedvision(3, 2)
    branches = sum(4**scale * width * 2 for scale, width in enumerate(network.widths) if scale)
    assert branches == 74_752
    assert weights(network) == 7_632_576 + branches == 7_707_328
    half = weights(network.with_widths(tuple(width // 2 for width in network.widths)))
    # All but the first layer by four, the first by two, and so the branches.
    first = 3 * 9 * 64
    assert half == (7_632_576 - first) // 4 + first // 2 + branches // 2


def test_fcn_is_vgg_16_with_a_narrow_classifier() -> None:
    assert sum(weights_per_scale(fcn(3, 1))[:5]) - 14_710_464 == 64 + 2 * 4 + 256 + 512
    assert weights_per_scale(fcn(3, 1))[5] == 9 * 512 * 4096 + 4096 * 512 + 512


@pytest.mark.parametrize("name", ["cumedvision", "fcn", "mobileunet", "resunet", "squeezeunet"])
def test_a_docstring_says_the_size_that_it_has(name: str) -> None:
    text = ARCHITECTURES[name].__doc__ or ""
    told = [float(found) for found in re.findall(r"log θ (\d\.\d+)", text)]
    assert any(
        abs(log_theta(ARCHITECTURES[name](channels, outputs)) - each) < 0.6 * 10**-2
        for each in told
        for channels, outputs in ((1, 1), (3, 1), (3, 2))
    )
    assert told
