"""Every candidate of complexity against the degradation that our own calibration measured.

    python -m benchmarks.candidates --data ../shared/data

Reads results/calibration.json; writes results/candidates.json and results/candidates.svg.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.calibration import REQUEST, SETS, load
from benchmarks.protocol import RESULTS, write_result
from ccnet_edge.cli.console import progress_bars
from ccnet_edge.complexity.candidates.describe import describe_candidates
from ccnet_edge.complexity.candidates.plot import plot_candidates
from ccnet_edge.complexity.candidates.table import measure_all
from ccnet_edge.dataset import open_dataset


def main() -> None:
    """Measure, correlate, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    data = parser.parse_args().data
    slopes = {each.data: each.slope for each in load().fit("f1").slopes}
    omega = load().fit("iu").degradation.omega
    with progress_bars() as progress:
        found = measure_all(
            [open_dataset(data / name) for name in SETS],
            definition=REQUEST.definition,
            largest=REQUEST.largest,
            omega=omega,
            slopes=slopes,
            progress=progress,
        )
    print(describe_candidates(found))
    print(write_result("candidates", found))
    print(plot_candidates(found, RESULTS / "candidates.svg"))


if __name__ == "__main__":
    main()
