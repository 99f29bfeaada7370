"""All systems of `ccnet-edge compare` on real data sets, at one budget and one training time.

    python -m benchmarks.compare --data ../shared/data --sets drive busi --work compare

Finished systems are kept in --work and not made again. With `--time-limit` T a set takes about
12 T, and as much again as T for exports, scores and measurements where T is a minute or two.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from benchmarks.protocol import RESULTS, write_result
from ccnet_edge.cli.console import progress_bars
from ccnet_edge.cli.option_values import parse_seconds
from ccnet_edge.dataset import DatasetOptions, open_dataset
from ccnet_edge.experiments.compare import Comparing, compare_systems
from ccnet_edge.experiments.systems_plot import plot_systems
from ccnet_edge.experiments.systems_text import describe_systems
from ccnet_edge.spec.systems import SystemsTable
from ccnet_edge.units import parse_bytes

DATA = Path(__file__).parents[2] / "shared" / "data"


@dataclass(frozen=True, kw_only=True)
class Figures:
    """A table a data set."""

    tables: tuple[SystemsTable, ...]


def main() -> None:
    """Compare all systems, with one step below the plans, and write results and plots."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", nargs="+", default=["drive", "busi"])
    parser.add_argument("--work", type=Path, default=Path("compare"))
    parser.add_argument("--budget", type=parse_bytes, default=490_000)
    parser.add_argument("--time-limit", type=parse_seconds, default=100.0, help="of each system")
    parser.add_argument("--base-width", type=int, default=16)
    parser.add_argument("--preset", default="cc21")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    comparing = Comparing(
        budget=given.budget,
        time_limit=given.time_limit,
        base_width=given.base_width,
        preset=given.preset,
        seed=given.seed,
        epsilon=True,
    )
    tables = []
    with progress_bars() as progress:
        for name in given.sets:
            options = DatasetOptions(skip_bad=True)
            dataset = open_dataset(given.data / name, options, progress=progress)
            tables.append(compare_systems(dataset, comparing, work=given.work, progress=progress))
            print(describe_systems(tables[-1]))
            print(f"wrote {plot_systems(tables[-1], RESULTS / f'compare-{name}.svg')}")
    print(f"wrote {write_result('compare', Figures(tables=tuple(tables)))}")


if __name__ == "__main__":
    main()
