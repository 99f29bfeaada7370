"""The pixel classifiers of [G22]: their parameters, and whole images as patch by patch."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from ccnet_edge.architectures.dccn import dccn
from ccnet_edge.architectures.dcnn import dcnn
from ccnet_edge.cost import parameters
from ccnet_edge.device.imaging.tiling import receptive_radius
from ccnet_edge.nets import SpecModule, build_module
from ccnet_edge.spec.network import NetworkSpec

PATCH = 51


def counted(network: NetworkSpec, *beginnings: str) -> int:
    """Parameters of the nodes whose names begin so, by torch."""
    with torch.device("meta"):
        module = build_module(network)
    return sum(
        p.numel()
        for node in network.nodes
        if node.name.startswith(beginnings)
        for p in module.block(node).parameters()
    )


@pytest.mark.parametrize(
    ("layer", "wanted"),
    [("conv1", 1_225), ("conv2", 31_300), ("conv3", 144_080), ("dense1", 738_304), ("head", 2_050)],
)
def test_dcnn_has_the_papers_parameters_with_biases(layer: str, wanted: int) -> None:
    assert counted(dcnn(outputs=2), layer) == wanted


def test_dcnn_has_916_959_in_all() -> None:
    assert parameters(dcnn(outputs=2)) == 916_959


@pytest.mark.parametrize(
    ("part", "wanted"),
    [
        ("stem", 9_536),
        ("block1", 335_040),
        ("block2", 919_680),
        ("block3", 2_837_760),
        ("transition1", 33_280),
        ("transition2", 132_096),
        ("transition3", 526_336),
        ("linear", 1_026),
    ],
)
def test_dccn_has_densenets_parameters(part: str, wanted: int) -> None:
    assert counted(dccn(outputs=2), part) == wanted


def test_dccn_has_the_papers_4_794_754_in_all() -> None:
    assert parameters(dccn(outputs=2)) == 4_794_754


def patch_dcnn(module: SpecModule, patch: Tensor) -> Tensor:
    """What the patch classifier itself says of patches [N, C, 51, 51]: [N, outputs]."""
    x = patch
    for name, last in (("conv1", False), ("conv2", False), ("conv3", True)):
        conv = module.blocks[name].conv
        assert isinstance(conv, nn.Conv2d)
        x = torch.relu(functional.conv2d(x, conv.weight, conv.bias))
        x = functional.max_pool2d(x, 2, ceil_mode=last)
    assert x.shape[2:] == (3, 3)
    dense = module.blocks["dense1"].conv
    assert isinstance(dense, nn.Conv2d)
    x = torch.relu(functional.conv2d(x, dense.weight, dense.bias))
    logits: Tensor = module.blocks["head"](x)
    return logits[:, :, 0, 0]


def patches_around(image: Tensor, places: list[tuple[int, int]]) -> Tensor:
    """51 × 51 patches of [1, C, H, W] with these pixels in their middle, zeros outside."""
    padded = functional.pad(image, (PATCH // 2,) * 4)[0]
    return torch.stack([padded[:, y : y + PATCH, x : x + PATCH] for y, x in places])


@pytest.mark.parametrize("widths", [(3, 4, 5, 6), (2, 3, 2, 4)])
def test_the_dense_dcnn_says_of_every_pixel_what_its_patch_says(widths: tuple[int, ...]) -> None:
    module = build_module(dcnn(2, 3).with_widths(widths), seed=1).eval().double()
    image = torch.rand(1, 2, 40, 60, generator=torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        dense = module(image)
        places = [(y, x) for y in (0, 1, 7, 20, 39) for x in (0, 3, 30, 58, 59)]
        alone = patch_dcnn(module, patches_around(image, places))
    assert dense.shape == (1, 3, 40, 60)
    assert dense.std() > 1e-3
    for (y, x), wanted in zip(places, alone, strict=True):
        torch.testing.assert_close(dense[0, :, y, x], wanted)


def test_dccn_says_of_a_cell_what_the_patch_in_its_middle_says() -> None:
    module = build_module(dccn(2, 3).with_widths((4, 2, 2, 2)), seed=1).eval().double()
    image = torch.rand(1, 2, 16, 24, generator=torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        logits = module(image)
        middles = [(8 * i + 4, 8 * j + 4) for i in range(2) for j in range(3)]
        x = patches_around(image, middles)
        live: dict[str, Tensor] = {"patches": x}
        for node in module.spec.nodes[2:-1]:
            live[node.name] = module.block(node)(*(live[name] for name in node.inputs))
        alone = live["linear"]
    assert alone.shape == (6, 3, 1, 1)
    assert alone.std() > 1e-3
    cells = alone.view(2, 3, 3).permute(2, 0, 1)  # [outputs, rows, columns]
    wanted = cells.repeat_interleave(8, dim=1).repeat_interleave(8, dim=2)
    torch.testing.assert_close(logits[0], wanted)


@pytest.mark.parametrize("network", [dcnn(), dccn()], ids=["dcnn", "dccn"])
def test_a_pixel_sees_half_a_patch_around_it(network: NetworkSpec) -> None:
    assert receptive_radius(network) == PATCH // 2
    assert network.output_stride == {"dcnn": 1, "dccn": 8}[network.architecture]
