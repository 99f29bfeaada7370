"""Our own calibration on the six data sets, and how well it predicts one that it has not seen.

    python -m benchmarks.calibration --data ../shared/data --work build/calibration

Trains what is not in the work folder yet (72 networks, two hours and a half on one core), fits λ,
δ and ω, and writes results/calibration.json, results/leave_one_out.json and plots. Every data set
is then left out in turn: its F1 at each multiplier is predicted from a fit to the others and its
own base network's F1, and compared with what was measured.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.leave_one_out import leave_one_out
from benchmarks.protocol import RESULTS, write_result
from ccnet_edge.cli.console import progress_bars
from ccnet_edge.dataset import DatasetOptions, open_dataset
from ccnet_edge.experiments.calibrate import CalibrationRequest, calibrate
from ccnet_edge.experiments.calibration_plot import plot_calibration
from ccnet_edge.report.calibration import describe_calibration
from ccnet_edge.spec import serial
from ccnet_edge.spec.calibration import Calibration

SETS = ("drive", "chase_db1", "isic2017", "busi", "monuseg_kumar", "isbi2012_em")
REQUEST = CalibrationRequest(
    name="unet16",
    architecture="unet",
    base_width=16,
    alphas=(1.0, 0.5, 0.25, 0.125),
    seeds=(0, 1),
    largest=256,
    recipe="sweep",
)


def main() -> None:
    """Sweep, fit, leave out, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, default=Path("build/calibration"))
    parser.add_argument("--engine", default="local")
    options = parser.parse_args()
    with progress_bars() as progress:
        given = DatasetOptions()
        datasets = [(open_dataset(options.data / name, given), given) for name in SETS]
        found = calibrate(
            REQUEST, datasets, work=options.work, engine=options.engine, progress=progress
        )
    print(describe_calibration(found))
    print(serial.save(found, RESULTS / "calibration.json"))
    print(plot_calibration(found, RESULTS / "calibration.svg"))
    figures = leave_one_out(found)
    for form in figures.forms:
        print(form.line())
    print(write_result("leave_one_out", figures))


def load() -> Calibration:
    """The calibration in results."""
    return serial.load(Calibration, RESULTS / "calibration.json")


if __name__ == "__main__":
    main()
