"""The energy of first feature maps: what the hook sees is what the layer makes."""

from pathlib import Path
from typing import Any

import pytest
import torch

from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.device.imaging.preprocess import prepare
from ccnet_edge.experiments.feature_energy import describe_energy, measure_energy, plot_energy
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.train import Recipe, load_trained, train


@pytest.fixture(scope="module")
def folder(
    thin: NetworkSpec,
    cells: SegmentationDataset,
    short: Recipe,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    out = tmp_path_factory.mktemp("trained")
    train(thin, cells, height=64, width=64, recipe=short, out=out)
    return out


def test_energies_are_the_mean_squares_of_the_first_layers_maps(
    folder: Path, cells: SegmentationDataset
) -> None:
    found = measure_energy(folder, cells)
    record, module = load_trained(folder)
    first = module.block(module.spec.nodes[1])
    squares = []
    with torch.no_grad():
        for sample in cells.test:
            x = torch.from_numpy(prepare(cells.load_image(sample), record.preprocessing))
            squares.append((first(x).double() ** 2).mean(dim=(0, 2, 3)))
    means = sorted(torch.stack(squares).mean(0).tolist(), reverse=True)
    assert found.energies == pytest.approx([each / means[0] for each in means])
    assert (found.node, found.images, found.energies[0]) == ("encoder0_conv1", 2, 1)
    assert found.weak == sum(each < 0.01 for each in found.energies) / len(found.energies)


def test_it_is_told_and_drawn(folder: Path, cells: SegmentationDataset, tmp_path: Path) -> None:
    found = measure_energy(folder, cells)
    text = describe_energy(found)
    assert text.startswith("unet 2-2-3-3-4, layer encoder0_conv1, 2 test images of ")
    assert sum(int(line.split()[-1]) for line in text.splitlines()[-10:]) == 2
    assert plot_energy(found, tmp_path / "x.png").stat().st_size > 1000


def test_the_command_takes_a_trained_folder(
    cli: Any, folder: Path, cells: SegmentationDataset
) -> None:
    found = cli("measure", "--features", folder, "--data", cells.root)
    assert found.code == 0, found.err
    assert "filters have less than a hundredth" in found.out
    both = cli("measure", "--features", folder, "--all", "--data", cells.root)
    assert both.code == 2
