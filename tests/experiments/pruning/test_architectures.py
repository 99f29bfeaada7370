"""Every architecture of convolutions can be pruned, and merged, to a spec that counts as torch."""

import pytest
import torch

from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.cost import parameters
from ccnet_edge.experiments.pruning import (
    filter_groups,
    keep_share,
    l1_scores,
    merge_filters,
    remove_filters,
)
from ccnet_edge.nets import build_module

# Those with sums and with depthwise convolutions; the others have nothing that a U-Net has not.
NAMES = ("mobileunet", "resunet")
OTHERS = ("cumedvision", "fcn", "squeezeunet", "ucunet")


@pytest.mark.parametrize(
    "name", [*NAMES, *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)]
)
def test_half_of_the_filters_can_go(name: str) -> None:
    base = ARCHITECTURES[name](in_channels=3)
    module = build_module(base.with_widths((4,) * base.scales)).eval()
    groups = filter_groups(module)
    thinned = [n for n in module.spec.nodes if n.thinned and ("conv" in n.op)]
    assert {n.name for n in thinned} <= {each for nodes in groups for each in nodes}
    kept = keep_share(module, l1_scores(module), 0.5)
    pruned = remove_filters(module, kept)
    widths = {node.name: node.width for node in pruned.spec.nodes}
    for node in thinned:
        assert widths[node.name] == max(1, -(-node.width // 2))
    assert parameters(pruned.spec) == sum(p.numel() for p in pruned.parameters())
    side = module.spec.output_stride
    assert merge_filters(module, kept)(torch.zeros((1, 3, side, side))).shape[1] == 1


def test_what_a_sum_joins_goes_together() -> None:
    base = ARCHITECTURES["resunet"](in_channels=3)
    groups = filter_groups(build_module(base.with_widths((2,) * base.scales)))
    assert any({"encoder0_conv2", "encoder0_short"} <= set(nodes) for nodes in groups)
