"""The energy of first-layer feature maps: CC19's premise that simple data need few filters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ccnet_edge.complexity.plot import save_figure
from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.device.imaging.preprocess import prepare
from ccnet_edge.errors import DataError
from ccnet_edge.spec.features import FeatureEnergy
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.train import load_trained

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WEAK = 0.01


def measure_energy(
    trained: Path, dataset: SegmentationDataset, *, progress: Progress = silent
) -> FeatureEnergy:
    """The mean square of each feature map of the first layer of the network in `trained`.

    Args:
        trained: a folder as training leaves it.
        dataset: its test images are looked at.
        progress: told about stage "features".

    Raises:
        DataError: nothing was trained there, the set has no test images, or nothing is seen.
    """
    record, module = load_trained(trained)
    node = next(node for node in module.spec.nodes if node.thinned)
    if not dataset.test:
        raise DataError(f"{dataset.name}: test images were wanted, found none")
    total = torch.zeros(node.width, dtype=torch.float64)

    def add(_: nn.Module, __: tuple[Tensor, ...], maps: Tensor) -> None:
        total.add_((maps.double() ** 2).mean(dim=(0, 2, 3)))

    handle = module.block(node).register_forward_hook(add)
    try:
        with torch.inference_mode():
            for done, sample in enumerate(dataset.test, start=1):
                x = prepare(dataset.load_image(sample), record.preprocessing)
                module(torch.from_numpy(x))
                progress("features", done=done, total=len(dataset.test), note=sample.name)
    finally:
        handle.remove()
    energies = sorted((total / len(dataset.test)).tolist(), reverse=True)
    if not energies[0] > 0:
        raise DataError(f"{trained}: the first layer's feature maps are all 0 on {dataset.name}")
    relative = tuple(each / energies[0] for each in energies)
    return FeatureEnergy(
        network=module.spec.architecture,
        widths=module.spec.widths,
        data=dataset.name,
        images=len(dataset.test),
        node=node.name,
        energies=relative,
        weak=sum(each < WEAK for each in relative) / len(relative),
    )


def describe_energy(found: FeatureEnergy) -> str:
    """The distribution for people: a line a tenth of the largest energy."""
    counts = [0] * 10
    for each in found.energies:
        counts[min(9, int(each * 10))] += 1
    widths, filters = "-".join(map(str, found.widths)), len(found.energies)
    lines = [
        f"{found.network} {widths}, layer {found.node}, {found.images} test images of {found.data}",
        f"{found.weak:.0%} of {filters} filters have less than a hundredth of the largest energy",
        "",
        "energy of a feature map, of the largest",
    ]
    lines += [
        f"{i / 10:.1f} to {(i + 1) / 10:.1f}  {'█' * count} {count}"
        for i, count in enumerate(counts)
    ]
    return "\n".join(lines)


def plot_energy(found: FeatureEnergy, path: Path) -> Path:
    """Draw the distribution into `path` (png, svg or pdf by its suffix) and give it back."""

    def draw(axes: list[Axes]) -> None:
        axes[0].hist(found.energies, bins=20, range=(0, 1), color="#1f4e79")
        axes[0].set_xlabel("energy of a feature map, of the largest")
        axes[0].set_ylabel("filters of the first layer")
        axes[0].set_title(f"{found.network} on {found.data}", fontsize=11, loc="left")

    return save_figure(path, draw)
