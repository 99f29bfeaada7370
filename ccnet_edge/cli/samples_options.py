"""The options of `samples`: which network, what was pruned, and what to measure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ccnet_edge.cli.option_values import Option, collected, parsed
from ccnet_edge.cli.plan_inputs import parse_size
from ccnet_edge.cli.train_inputs import find_network, parse_widths
from ccnet_edge.errors import UsageError
from ccnet_edge.spec import serial
from ccnet_edge.spec.progress import Progress
from ccnet_edge.spec.samples import SampleAdvice, SampleGrid

if TYPE_CHECKING:
    from ccnet_edge.dataset import SegmentationDataset
    from ccnet_edge.spec.network import NetworkSpec

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class SamplesOptions:
    """What was asked of `samples`."""

    arch: str
    widths: tuple[int, ...] | None
    size: tuple[int, int] | None
    pruned: float
    curve: Path | None
    measure: bool
    images: tuple[int, ...] | None
    prunings: tuple[float, ...]
    seeds: int
    recipe: str
    steps: int | None
    device: str
    work: Path

    def find(
        self, plan: Path | None, dataset: SegmentationDataset, progress: Progress
    ) -> tuple[SampleAdvice | SampleGrid, str]:
        """The advice, or the grid where it is to be measured, with its text."""
        network, (height, width) = find_network(plan, self.widths, self.arch, self.size, dataset)
        if self.measure:
            return self._measured(network, height, width, dataset, progress)
        from ccnet_edge.degradation.sample_advice import advise, describe_advice

        curve = None if self.curve is None else serial.load(SampleGrid, self.curve)
        advice = advise(
            network,
            images=len(dataset.train),
            height=height,
            width=width,
            pruned=self.pruned,
            curve=curve,
        )
        return advice, describe_advice(advice)

    def draw(self, found: SampleAdvice | SampleGrid, path: Path) -> Path:
        """The heat map of a grid.

        Raises:
            UsageError: nothing was measured.
        """
        from ccnet_edge.experiments.samples_text import plot_grid

        if not isinstance(found, SampleGrid):
            raise UsageError("--plot draws what --measure measures, which was not asked for")
        return plot_grid(found, path)

    def _measured(
        self,
        network: NetworkSpec,
        height: int,
        width: int,
        dataset: SegmentationDataset,
        progress: Progress,
    ) -> tuple[SampleGrid, str]:
        from ccnet_edge.experiments.samples import GridRequest, measure_grid
        from ccnet_edge.experiments.samples_text import describe_grid

        everything = len(dataset.train)
        images = self.images or tuple(
            sorted(
                {max(1, everything // 8), max(1, everything // 4), everything // 2 or 1, everything}
            )
        )
        request = GridRequest(
            network=network,
            height=height,
            width=width,
            images=images,
            pruned=self.prunings,
            seeds=tuple(range(self.seeds)),
            recipe=self.recipe,
            steps=self.steps,
            device=self.device,
        )
        found = measure_grid(request, dataset, work=self.work, progress=progress)
        return found, describe_grid(found)


def parse_shares(text: str) -> tuple[float, ...]:
    """Shares in a text such as `0,0.5,0.8`.

    Raises:
        UsageError: something else.
    """
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"shares as 0,0.5,0.8 were wanted, found {text!r}") from error


def samples_options(command: F) -> F:
    """Give `command` the options of `SamplesOptions` as its keyword `options`."""
    return collected(command, "options", SamplesOptions, _OPTIONS)


_OPTIONS: dict[str, Option] = {
    "arch": click.option("--arch", default="unet", show_default=True, help="Of --widths."),
    "widths": parsed("--widths", parse_widths, "N,…", "Channels by scale, in place of a plan."),
    "size": parsed("--size", parse_size, "HxW", "Network input; default: the plan's or images'."),
    "pruned": click.option(
        "--pruned", type=click.FloatRange(0, 1, max_open=True), default=0.0, show_default=True,
        help="Share of parameters that were pruned away after training.",
    ),
    "curve": click.option(
        "--curve", type=click.Path(path_type=Path), help="What --measure wrote for this data set."
    ),
    "measure": click.option("--measure", is_flag=True, help="Measure a surface on this data set."),
    "images": parsed(
        "--images", parse_widths, "N,…", "Training images.  [default: 1/8, 1/4, 1/2 and all]"
    ),
    "prunings": click.option(
        "--prunings", metavar="A,…", default="0,0.5,0.8", show_default=True,
        callback=lambda _, __, text: parse_shares(text), help="Shares of parameters to prune.",
    ),
    "seeds": click.option("--seeds", type=click.IntRange(1), default=2, show_default=True),
    "recipe": click.option("--recipe", default="sweep", show_default=True),
    "steps": click.option("--steps", type=click.IntRange(1), help="In place of the recipe's."),
    "device": click.option("--device", default="auto", show_default=True),
    "work": click.option(
        "--work", type=click.Path(path_type=Path), default=Path("build/work"), show_default=True,
        help="Folder for what is trained.",
    ),
}  # fmt: skip
