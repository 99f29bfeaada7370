"""How many images a pruned U-Net needs on DRIVE: F1 over images and pruning, two seeds.

    python -m benchmarks.samples --data ../shared/data/drive --work build/samples

A network of base width 8 at 256 pixels, half of the sweep recipe's steps. About a quarter of an
hour on one core. Writes results/samples.json and results/samples.svg.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.protocol import RESULTS, write_result
from ccnet_edge.architectures import base_network
from ccnet_edge.cli.console import progress_bars
from ccnet_edge.complexity import fitting_size
from ccnet_edge.dataset import open_dataset
from ccnet_edge.experiments.samples import GridRequest, measure_grid
from ccnet_edge.experiments.samples_text import describe_grid, plot_grid

WIDTHS = (8, 16, 32, 64, 128)


def main() -> None:
    """Measure, write, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/drive"))
    parser.add_argument("--work", type=Path, default=Path("build/samples"))
    options = parser.parse_args()
    dataset = open_dataset(options.data)
    base = base_network("unet", channels=dataset.channels, classes=len(dataset.classes))
    height, width = fitting_size(dataset, largest=256)
    request = GridRequest(
        network=base.with_widths(WIDTHS),
        height=height,
        width=width,
        images=(1, 4, 17),
        pruned=(0.0, 0.5, 0.8, 0.9),
        seeds=(0, 1),
        recipe="sweep",
        steps=400,
    )
    with progress_bars() as progress:
        found = measure_grid(request, dataset, work=options.work, progress=progress)
    print(describe_grid(found))
    print(write_result("samples", found))
    print(plot_grid(found, RESULTS / "samples.svg"))


if __name__ == "__main__":
    main()
