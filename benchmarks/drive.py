"""DRIVE at 512 × 512: plans of two sizes, trained for the same wall time each on two cores.

    python -m benchmarks.drive [--minutes 15] [--threads 2]

The plans are those of the paper's case 1 (θ* = 125 000, 0.49 MB as float32; CC21 Table 6) and of
1 MB as float32, solved here for DRIVE's own complexity; uniform and layer-wise. Scores are on
DRIVE's 20 test images, inside the field of view and over all pixels: CC21 does not say which of
them its Table 4 is. Training takes all pixels, outside the field of view as the background that
the masks have there: on a device nobody cuts the field out. Two of the 20 training images choose
the checkpoint; no choice was made on the test images. A run that was stopped continues when the
command is given again, and one that is done is only measured again. Times of inference are taken
at the end, all plans in turns.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from benchmarks.protocol import Ratio, interleave, paired_ratio, write_result
from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.cli.console import progress_bars
from ccnet_edge.complexity import measure
from ccnet_edge.cost import estimate, weights
from ccnet_edge.cost.engine_memory import STANDING
from ccnet_edge.dataset import DatasetOptions, SegmentationDataset, open_dataset
from ccnet_edge.degradation import find_preset
from ccnet_edge.device.backends import open_session
from ccnet_edge.device.memory import measure_fresh
from ccnet_edge.device.timer import noise
from ccnet_edge.export import export
from ccnet_edge.solver import solve
from ccnet_edge.spec import serial
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.plan import Limits, Multiplier
from ccnet_edge.spec.report import MemoryReport, Scores
from ccnet_edge.spec.training import CurvePoint
from ccnet_edge.train import evaluate, load_trained, torch_predict, train
from ccnet_edge.train.state import TIMING
from ccnet_edge.train.state import Timing as TrainingTime

DATA = Path(__file__).parents[2] / "shared" / "data" / "drive"
WORK = Path(__file__).parents[1] / "build" / "drive"
SIZE = 512
SAMPLES = 64  # turns
MODEL = "model.onnx"
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
    """One plan, trained and scored; `seconds` is what training took, kills left out."""

    name: str
    multiplier: str
    widths: tuple[int, ...]
    weights: int
    macs: int
    file_bytes: int
    recipe: str
    seed: int
    steps: int
    seconds: float
    best_step: int
    curve: tuple[CurvePoint, ...]
    inside: Scores
    everywhere: Scores


@dataclass(frozen=True, kw_only=True)
class Inference:
    """One plan on ONNX Runtime, one thread: predicted and measured process memory, and times.

    `time_over_uniform` is against the uniform plan of the same size, turn by turn.
    """

    name: str
    predicted_ram_bytes: int | None
    memory: MemoryReport
    p50_ms: float
    time_over_uniform: Ratio


@dataclass(frozen=True, kw_only=True)
class DriveFigures:
    """All runs, beside the published rows and the second observer's scores inside the field."""

    minutes: float
    threads: int
    validation_images: int
    published: tuple[Published, ...]
    human: Scores | None
    runs: tuple[DriveRun, ...]
    inference: tuple[Inference, ...]


def main() -> None:
    """Train, score and measure every plan, and write results/drive.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    inside = open_dataset(DATA, DatasetOptions(validation_share=0.1))
    everywhere = open_dataset(DATA, DatasetOptions(validation_share=0.1, regions="none"))
    runs = []
    for name, multiplier, network in plans(everywhere):
        print(f"{name}: {'-'.join(map(str, network.widths))}, {weights(network)} weights")
        limit_s = 60 * arguments.minutes
        runs.append(run_plan(name, multiplier, network, inside, everywhere, limit_s=limit_s))
        print(described(runs[-1]))
    figures = DriveFigures(
        minutes=arguments.minutes,
        threads=arguments.threads,
        validation_images=len(everywhere.validation),
        published=TABLE_4,
        human=human(inside),
        runs=tuple(runs),
        inference=tuple(measured(runs)),
    )
    print(f"wrote {write_result('drive', figures)}")


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
    artifact = export("onnx", out, out / MODEL)
    return DriveRun(
        name=name,
        multiplier=multiplier,
        widths=network.widths,
        weights=weights(network),
        macs=estimate(network, height=SIZE, width=SIZE).macs,
        file_bytes=artifact.size_bytes,
        recipe=trained.recipe,
        seed=trained.seed,
        steps=trained.steps,
        seconds=serial.load(TrainingTime, out / TIMING).seconds,
        best_step=trained.best_step,
        curve=trained.curve,
        inside=scores[0],
        everywhere=scores[1],
    )


def measured(runs: Sequence[DriveRun]) -> Iterator[Inference]:
    """Memory of every plan in a process of its own, and times of all plans in turns."""
    x = noise((1, 3, SIZE, SIZE))
    with ExitStack() as stack:
        workloads = {}
        for run in runs:
            session = open_session(WORK / run.name / MODEL, STANDING)
            stack.callback(session.close)
            workloads[run.name] = partial(session.run, x)
        timings = interleave(workloads, repeats=SAMPLES, warm_up=3)
    for run in runs:
        timing = timings[run.name]
        network = load_trained(WORK / run.name)[0].network
        found = Inference(
            name=run.name,
            predicted_ram_bytes=estimate(
                network, height=SIZE, width=SIZE, engine=STANDING.engine
            ).ram_bytes,
            memory=measure_fresh(WORK / run.name / MODEL, STANDING, shape=(1, 3, SIZE, SIZE)),
            p50_ms=1e3 * timing.median_s("wall"),
            time_over_uniform=paired_ratio(
                timing, timings[run.name.rpartition("-")[0] + "-uniform"]
            ),
        )
        print(
            f"{run.name}: {found.memory.peak_bytes / 2**20:.0f} MiB, p50 {found.p50_ms:.1f} ms, "
            f"{found.time_over_uniform.median:.2f} times the uniform plan's"
        )
        yield found


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


def described(run: DriveRun) -> str:
    """One line of a run's scores."""
    return (
        f"{run.name}: {run.steps} steps in {run.seconds:.0f} s; inside the field of view "
        f"F1 {run.inside.f1:.4f} AUC {run.inside.auc:.4f}, all pixels F1 {run.everywhere.f1:.4f} "
        f"AUC {run.everywhere.auc:.4f}"
    )


if __name__ == "__main__":
    main()
