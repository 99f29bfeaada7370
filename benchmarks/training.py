"""Steps per second of the default recipe against a plain eager float32 loop.

    python -m benchmarks.training [--threads 2] [--repeats 7]

Both train the same network on the same batches (16 patches of 128 × 128 of generated vessels)
with the same loss and optimiser. The plain loop is what one writes first: default memory order,
float32, torch's own normalisation. Ours also averages the weights.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from benchmarks.protocol import Ratio, Timing, interleave, paired_ratio, write_result
from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.dataset import SegmentationDataset, open_dataset
from ccnet_edge.dataset.samples import write_samples
from ccnet_edge.nets import build_module
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.progress import silent
from ccnet_edge.train import RECIPES
from ccnet_edge.train.learner import Learner
from ccnet_edge.train.losses import LOSSES
from ccnet_edge.train.material import Material, gather
from ccnet_edge.train.places import Place, find_place

# CC21 Table 6, case 1: the uniform and the layer-wise plan of one size.
PLANS = {"uniform": (4, 8, 16, 32, 65), "layerwise": (20, 19, 25, 29, 33)}
SIZE = 256
STEPS = 4


@dataclass(frozen=True, kw_only=True)
class LoopFigures:
    """One network's loops; a speed-up is the plain loop's time over ours, round by round.

    `float32` is ours as it is on processors that do not multiply bfloat16 in hardware.
    """

    plan: str
    widths: tuple[int, ...]
    plain_steps_per_s: float
    steps_per_s: float
    speed_up: Ratio
    speed_up_cpu: Ratio
    float32_steps_per_s: float
    float32_speed_up: Ratio


@dataclass(frozen=True, kw_only=True)
class TrainingFigures:
    """All networks; `precision` is what our loop computes convolutions in on this machine."""

    threads: int
    batch: int
    patch: int
    precision: str
    loops: tuple[LoopFigures, ...]


def main() -> None:
    """Measure and write results/training.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        root = write_samples(Path(folder), kind="vessels", count=16, size=SIZE)
        dataset = open_dataset(root)
        loops = tuple(
            measure(name, widths, dataset, arguments.repeats) for name, widths in PLANS.items()
        )
    recipe = RECIPES["default"]
    half = find_place("cpu").half
    figures = TrainingFigures(
        threads=arguments.threads,
        batch=recipe.batch,
        patch=recipe.patch,
        precision=str(half).removeprefix("torch.") if half else "float32",
        loops=loops,
    )
    print(f"wrote {write_result('training', figures)}")


def measure(
    name: str, widths: tuple[int, ...], dataset: SegmentationDataset, repeats: int
) -> LoopFigures:
    """Both loops on one network, in turns."""
    spec = ARCHITECTURES["unet"](in_channels=dataset.channels).with_widths(widths)
    place = find_place("cpu")
    material = gather(
        spec, dataset, RECIPES["default"], place, height=SIZE, width=SIZE, seed=0, progress=silent
    )
    timings = interleave(
        {
            "plain": plain(spec, material),
            "ours": ours(spec, material, place),
            "float32": ours(spec, material, replace(place, half=None)),
        },
        repeats=repeats,
    )
    figures = LoopFigures(
        plan=name,
        widths=widths,
        plain_steps_per_s=_rate(timings["plain"]),
        steps_per_s=_rate(timings["ours"]),
        speed_up=paired_ratio(timings["plain"], timings["ours"]),
        speed_up_cpu=paired_ratio(timings["plain"], timings["ours"], clock="cpu"),
        float32_steps_per_s=_rate(timings["float32"]),
        float32_speed_up=paired_ratio(timings["plain"], timings["float32"]),
    )
    print(
        f"{name} {'-'.join(map(str, widths))}: plain {figures.plain_steps_per_s:.2f} steps/s, "
        f"ours {figures.steps_per_s:.2f}, {figures.speed_up.median:.2f} times as fast; in float32 "
        f"{figures.float32_steps_per_s:.2f}, {figures.float32_speed_up.median:.2f} times"
    )
    return figures


def ours(spec: NetworkSpec, material: Material, place: Place) -> Callable[[], None]:
    """A few steps of the default recipe."""
    learner = Learner(spec, material.recipe, place, seed=0)

    def steps() -> None:
        for step in range(STEPS):
            learner.step(material.patches.batch(step), rate=1e-3, taken=step)

    return steps


def plain(spec: NetworkSpec, material: Material) -> Callable[[], None]:
    """A few steps of the loop that one writes first."""
    module = build_module(spec).train()
    optimiser = torch.optim.AdamW(module.parameters(), lr=1e-3, weight_decay=1e-2)
    loss_of = LOSSES[material.recipe.loss]

    def steps() -> None:
        for step in range(STEPS):
            batch = material.patches.batch(step)
            optimiser.zero_grad()
            loss = loss_of(module(batch.images.contiguous()), batch.labels)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()

    return steps


def _rate(timing: Timing) -> float:
    return round(STEPS / timing.median_s("wall"), 3)


if __name__ == "__main__":
    main()
