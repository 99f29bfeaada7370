"""DRIVE at 512 × 512: plans of two sizes, trained for the same wall time each on two cores.

    python -m benchmarks.drive [--minutes 12] [--threads 2] [--run NAME]

The plans are those of the paper's case 1 (θ* = 125 000, 0.49 MB as float32; CC21 Table 6) and of
1 MB as float32, solved here for DRIVE's own complexity; uniform and layer-wise. Scores are on
DRIVE's 20 test images, inside the field of view and over all pixels: CC21 does not say which of
them its Table 4 is. Training takes all pixels, outside the field of view as the background that
the masks have there: on a device nobody cuts the field out. Two of the 20 training images choose
the checkpoint; no choice was made on the test images. A run that was stopped continues when the
command is given again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.protocol import RESULTS, write_result
from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.bench.hosts import LocalHost
from ccnet_edge.bench.protocol import benchmark
from ccnet_edge.cli.console import progress_bars
from ccnet_edge.complexity import measure
from ccnet_edge.cost import weights
from ccnet_edge.dataset import DatasetOptions, SegmentationDataset, open_dataset
from ccnet_edge.degradation import find_preset
from ccnet_edge.export import export
from ccnet_edge.solver import solve
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.plan import Limits, Multiplier
from ccnet_edge.spec.report import LatencyReport, MemoryReport, Scores
from ccnet_edge.spec.training import CurvePoint
from ccnet_edge.train import evaluate, load_trained, torch_predict, train
from ccnet_edge.train.state import TIMING, Timing
from ccnet_edge.verify import measure_memory

DATA = Path(__file__).parents[2] / "shared" / "data" / "drive"
WORK = Path(__file__).parents[1] / "build" / "drive"
SIZE = 512
SAMPLES = 64  # inferences: what a p90 needs
# CC21 Table 6, case 1, one plan of each kind; they are the lymph node's.
CASE_1: dict[Multiplier, tuple[int, ...]] = {
    "uniform": (4, 8, 16, 32, 65),
    "layerwise": (20, 19, 25, 29, 33),
}


@dataclass(frozen=True, kw_only=True)
class Published:
    """A row of CC21 Table 4 (U-Net on DRIVE at 512 × 512); None where it is not printed."""

    alpha: float
    f1: float
    iu: float
    auc: float | None


TABLE_4 = (
    Published(alpha=1.0, f1=0.7940, iu=0.8128, auc=0.9762),
    Published(alpha=0.75, f1=0.7901, iu=0.8102, auc=None),
    Published(alpha=0.5, f1=0.7857, iu=0.8067, auc=None),
    Published(alpha=0.25, f1=0.7864, iu=0.8073, auc=None),
    Published(alpha=0.1875, f1=0.7494, iu=0.7826, auc=None),
    Published(alpha=0.125, f1=0.7727, iu=0.7977, auc=None),
    Published(alpha=0.0625, f1=0.7125, iu=0.7597, auc=0.9684),
)


@dataclass(frozen=True, kw_only=True)
class DriveRun:
    """One plan, trained and measured; latency and memory are ONNX Runtime's on one thread."""

    name: str
    multiplier: str
    widths: tuple[int, ...]
    weights: int
    file_bytes: int
    recipe: str
    seed: int
    steps: int
    seconds: float
    best_step: int
    curve: tuple[CurvePoint, ...]
    inside: Scores
    everywhere: Scores
    memory: MemoryReport
    latency: LatencyReport


@dataclass(frozen=True, kw_only=True)
class DriveFigures:
    """All runs, beside the published rows and the second observer's scores inside the field."""

    minutes: float
    threads: int
    validation_images: int
    published: tuple[Published, ...]
    human: Scores | None
    runs: tuple[DriveRun, ...]


def main() -> None:
    """Train and measure every plan, writing results/drive.json after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=12.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--run", help="only this one")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    inside = open_dataset(DATA, DatasetOptions(validation_share=0.1))
    everywhere = open_dataset(DATA, DatasetOptions(validation_share=0.1, regions="none"))
    runs = {run.name: run for run in kept(arguments.minutes, arguments.threads)}
    for name, multiplier, network in plans(everywhere):
        if arguments.run not in (None, name):
            continue
        print(f"{name}: {'-'.join(map(str, network.widths))}, {weights(network)} weights")
        runs[name] = run_plan(
            name, multiplier, network, inside, everywhere, limit_s=60 * arguments.minutes
        )
        figures = DriveFigures(
            minutes=arguments.minutes,
            threads=arguments.threads,
            validation_images=len(everywhere.validation),
            published=TABLE_4,
            human=human(inside),
            runs=tuple(runs.values()),
        )
        print(f"{described(runs[name])}\nwrote {write_result('drive', figures)}")


def plans(dataset: SegmentationDataset) -> Iterator[tuple[str, Multiplier, NetworkSpec]]:
    """Name, multiplier and network of every run."""
    base = ARCHITECTURES["unet"](in_channels=3, outputs=1)
    for multiplier, widths in CASE_1.items():
        yield f"case-1-{multiplier}", multiplier, base.with_widths(widths)
    complexity = measure(dataset, height=SIZE, width=SIZE)
    preset = find_preset("cc21", architecture="unet", metric="f1")
    for multiplier in CASE_1:
        solution = solve(
            base,
            complexity,
            preset,
            Limits(disk_bytes=1_000_000),
            height=SIZE,
            width=SIZE,
            multiplier=multiplier,
        )
        yield f"1MB-{multiplier}", multiplier, solution.network


def run_plan(
    name: str,
    multiplier: str,
    network: NetworkSpec,
    inside: SegmentationDataset,
    everywhere: SegmentationDataset,
    *,
    limit_s: float,
) -> DriveRun:
    """Train for `limit_s`, score on both sets of pixels, export, and measure on this machine."""
    out = WORK / name
    with progress_bars() as progress:
        trained = train(
            network,
            everywhere,
            height=SIZE,
            width=SIZE,
            out=out,
            device="cpu",
            time_limit_s=limit_s,
            progress=progress,
        )
    predict = torch_predict(load_trained(out)[1])
    scores = [
        evaluate(
            predict,
            dataset,
            split="test",
            preprocessing=trained.preprocessing,
            classes=trained.classes,
        ).pooled
        for dataset in (inside, everywhere)
    ]
    artifact = export("onnx", out, out / "model.onnx")
    options, shape = SessionOptions(threads=1), (1, 3, SIZE, SIZE)
    return DriveRun(
        name=name,
        multiplier=multiplier,
        widths=network.widths,
        weights=weights(network),
        file_bytes=artifact.size_bytes,
        recipe=trained.recipe,
        seed=trained.seed,
        steps=trained.steps,
        seconds=serial.load(Timing, out / TIMING).seconds,
        best_step=trained.best_step,
        curve=trained.curve,
        inside=scores[0],
        everywhere=scores[1],
        memory=measure_memory(out / "model.onnx", options, shape=shape),
        latency=benchmark(LocalHost(), out / "model.onnx", options, shape=shape, samples=SAMPLES),
    )


def human(dataset: SegmentationDataset) -> Scores | None:
    """The second observer's scores against the first at the network's size."""
    trained, module = load_trained(WORK / f"case-1-{next(iter(CASE_1))}")
    return evaluate(
        torch_predict(module),
        dataset,
        split="test",
        preprocessing=trained.preprocessing,
        classes=trained.classes,
    ).human


def kept(minutes: float, threads: int) -> tuple[DriveRun, ...]:
    """The runs in the results file, where they had the same time."""
    path = RESULTS / "drive.json"
    if not path.exists():
        return ()
    figures = serial.from_dict(DriveFigures, json.loads(path.read_text())["figures"])
    same = figures.minutes == minutes and figures.threads == threads
    return figures.runs if same else ()


def described(run: DriveRun) -> str:
    """One line of a run's scores."""
    p50 = run.latency.percentile_ms(50)
    return (
        f"{run.name}: {run.steps} steps in {run.seconds:.0f} s; inside the field of view "
        f"F1 {run.inside.f1:.4f} AUC {run.inside.auc:.4f}, all pixels F1 {run.everywhere.f1:.4f} "
        f"AUC {run.everywhere.auc:.4f}; {run.memory.peak_bytes / 2**20:.0f} MiB, p50 {p50} ms"
    )


if __name__ == "__main__":
    main()
