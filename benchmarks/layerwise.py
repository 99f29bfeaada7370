"""Layer-wise against uniform plans of equal bytes: four data sets, three seeds each.

    python -m benchmarks.layerwise --data ../shared/data --work build/calibration

Both plans are for 0.49 MB of float32, by the published preset; the sweep recipe at 256 pixels. The
uniform one, rounded down to whole channels, is the smaller by up to 5 %. Writes
results/layerwise.json; forty minutes on one core where nothing is in the work folder.
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import dataclass
from pathlib import Path

from benchmarks.protocol import write_result
from ccnet_edge.architectures import base_network
from ccnet_edge.cli.console import progress_bars
from ccnet_edge.complexity import fitting_size, measure
from ccnet_edge.dataset import SegmentationDataset, open_dataset
from ccnet_edge.degradation import find_preset
from ccnet_edge.experiments import run_trial
from ccnet_edge.solver import solve
from ccnet_edge.spec.plan import Limits, Multiplier, Solution
from ccnet_edge.spec.progress import Progress

SETS = ("drive", "chase_db1", "busi", "monuseg_kumar")
SEEDS = (0, 1, 2)
BUDGET = 490_000
MULTIPLIERS: tuple[Multiplier, ...] = ("uniform", "layerwise")


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One plan and what its networks reached; `seconds` is the mean training time."""

    multiplier: Multiplier
    widths: tuple[int, ...]
    weights: int
    disk_bytes: int
    macs: int
    predicted_relative: float
    f1: tuple[float, ...]
    iu: tuple[float, ...]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Both plans of a data set; `gain` is layer-wise minus uniform F1, a seed each."""

    data: str
    plans: tuple[Planned, ...]
    gain: tuple[float, ...]

    def line(self) -> str:
        """For people."""
        uniform, layerwise = self.plans
        return (
            f"{self.data:<16}uniform {statistics.fmean(uniform.f1):.4f}  layer-wise "
            f"{statistics.fmean(layerwise.f1):.4f}  gain {statistics.fmean(self.gain):+.4f} "
            f"(seeds {', '.join(f'{each:+.4f}' for each in self.gain)}); "
            f"{layerwise.macs / uniform.macs:.1f} times the multiply-adds"
        )


@dataclass(frozen=True, kw_only=True)
class LayerwiseFigures:
    """All data sets."""

    budget_bytes: int
    sets: tuple[Compared, ...]


def main() -> None:
    """Plan, train, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, default=Path("build/calibration"))
    options = parser.parse_args()
    found = []
    with progress_bars() as progress:
        for name in SETS:
            found.append(_compared(open_dataset(options.data / name), options.work, progress))
            print(found[-1].line())
    print(write_result("layerwise", LayerwiseFigures(budget_bytes=BUDGET, sets=tuple(found))))


def _compared(dataset: SegmentationDataset, work: Path, progress: Progress) -> Compared:
    height, width = fitting_size(dataset, largest=256)
    base = base_network("unet", channels=dataset.channels, classes=len(dataset.classes))
    complexity = measure(dataset, height=height, width=width)
    preset = find_preset("cc21", architecture="unet", metric="f1")
    plans = []
    for multiplier in MULTIPLIERS:
        plan = solve(
            base,
            complexity,
            preset,
            Limits(disk_bytes=BUDGET),
            height=height,
            width=width,
            multiplier=multiplier,
        )
        plans.append(_trained(plan, dataset, work, progress))
    uniform, layerwise = plans
    gain = tuple(b - a for a, b in zip(uniform.f1, layerwise.f1, strict=True))
    return Compared(data=dataset.name, plans=(uniform, layerwise), gain=gain)


def _trained(
    plan: Solution, dataset: SegmentationDataset, work: Path, progress: Progress
) -> Planned:
    at = plan.estimate
    results = [
        run_trial(
            plan.network,
            dataset,
            height=at.height,
            width=at.width,
            recipe="sweep",
            work=work,
            seed=seed,
            progress=progress,
        )
        for seed in SEEDS
    ]
    return Planned(
        multiplier=plan.multiplier,
        widths=plan.widths,
        weights=at.weights,
        disk_bytes=at.disk_bytes,
        macs=at.macs,
        predicted_relative=plan.predicted.relative,
        f1=tuple(result.f1 for result in results),
        iu=tuple(result.iu for result in results),
        seconds=statistics.fmean(result.seconds for result in results),
    )


if __name__ == "__main__":
    main()
