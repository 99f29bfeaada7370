"""What `measure` measures and shows: J by scale, every candidate, or a network's first layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ccnet_edge.cli.console import print_json, say
from ccnet_edge.cli.option_values import Option, collected, parsed
from ccnet_edge.cli.plan_inputs import parse_size
from ccnet_edge.complexity import fitting_size, measure
from ccnet_edge.complexity.definitions import DEFAULT_DEFINITION, find_definition
from ccnet_edge.complexity.measuring import SCALES
from ccnet_edge.complexity.plot import plot_path
from ccnet_edge.errors import UsageError
from ccnet_edge.spec import serial
from ccnet_edge.spec.progress import Progress

if TYPE_CHECKING:
    from ccnet_edge.dataset import SegmentationDataset

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class MeasureOptions:
    """What was asked of `measure`."""

    size: tuple[int, int] | None
    definition: str
    omega: float | None
    scales: int
    workers: int | None
    everything: bool
    scores: Path | None
    features: Path | None
    as_json: bool
    plot: Path | None
    out: Path | None

    def check(self, more: tuple[Path, ...]) -> None:
        """Raise UsageError for options that do not go together."""
        find_definition(self.definition)
        if more and not self.everything:
            raise UsageError(
                f"one data set was wanted, found {', '.join(map(str, more))} beside --data",
                hint="several are measured with --all",
            )
        if self.scores is not None and not self.everything:
            raise UsageError("--scores is for --all")
        if self.features is not None and self.everything:
            raise UsageError("--features and --all exclude each other")

    def show_scales(self, dataset: SegmentationDataset, progress: Progress) -> None:
        """J and B by scale."""
        from ccnet_edge.complexity.describe import describe
        from ccnet_edge.complexity.joint import with_joint
        from ccnet_edge.complexity.plot import plot_complexity

        height, width = self.size or fitting_size(dataset)
        found = measure(
            dataset,
            height=height,
            width=width,
            definition=find_definition(self.definition),
            scales=self.scales,
            workers=self.workers,
            progress=progress,
        )
        if self.omega is not None:
            found = with_joint(found, self.omega)
        self._show(
            found, describe(found), lambda to: plot_complexity(found, to, title=dataset.name)
        )

    def show_all(self, datasets: list[SegmentationDataset], progress: Progress) -> None:
        """Every candidate of the papers."""
        from ccnet_edge.complexity.candidates.describe import describe_candidates
        from ccnet_edge.complexity.candidates.plot import plot_candidates
        from ccnet_edge.complexity.candidates.table import measure_all

        found = measure_all(
            datasets,
            definition=find_definition(self.definition),
            size=self.size,
            omega=self.omega,
            slopes=self._slopes(),
            workers=self.workers,
            progress=progress,
        )
        self._show(found, describe_candidates(found), lambda to: plot_candidates(found, to))

    def show_features(self, dataset: SegmentationDataset, progress: Progress) -> None:
        """The energy of a trained network's first feature maps."""
        from ccnet_edge.experiments.feature_energy import (
            describe_energy,
            measure_energy,
            plot_energy,
        )

        assert self.features is not None
        found = measure_energy(self.features, dataset, progress=progress)
        self._show(found, describe_energy(found), lambda to: plot_energy(found, to))

    def _slopes(self) -> dict[str, float]:
        from ccnet_edge.spec.calibration import Calibration

        if self.scores is None:
            return {}
        found = serial.load(Calibration, self.scores).fit("f1")
        return {each.data: each.slope for each in found.slopes}

    def _show(self, found: object, text: str, draw: Callable[[Path], Path]) -> None:
        if self.out is not None:
            say(f"wrote {serial.save(found, self.out)}")
        if self.plot is not None:
            say(f"wrote {draw(self.plot)}")
        print_json(found) if self.as_json else click.echo(text)


def measure_options(command: F) -> F:
    """Give `command` the options of `MeasureOptions` as its keyword `options`."""
    return collected(command, "options", MeasureOptions, _OPTIONS)


_OPTIONS: dict[str, Option] = {
    "size": parsed(
        "--size", parse_size, "HxW",
        "Pixels to measure at: 512 or 384x512; default: the images', to 512.",
    ),
    "definition": click.option(
        "--definition", default=DEFAULT_DEFINITION.name, show_default=True,
        help="What J means: colour-bytes, colour-bits or grey-bytes.",
    ),
    "omega": click.option(
        "--omega", type=click.FloatRange(0, 1), help="Also JB = ωJ + (1 − ω)B for this ω."
    ),
    "scales": click.option(
        "--scales", type=click.IntRange(1, 8), default=SCALES, show_default=True
    ),
    "workers": click.option(
        "--workers", type=click.IntRange(1), help="Images at a time; default: processors."
    ),
    "everything": click.option(
        "--all", "everything", is_flag=True, help="Every candidate of the papers, not J by scale."
    ),
    "scores": click.option(
        "--scores", type=click.Path(path_type=Path),
        help="With --all: what `calibrate` wrote, to hold the candidates against.",
    ),
    "features": click.option(
        "--features", metavar="FOLDER", type=click.Path(path_type=Path),
        help="The energy of the first feature maps of the network trained there.",
    ),
    "as_json": click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
    "plot": parsed("--plot", plot_path, "FILE", "Draw it into this .png, .svg or .pdf."),
    "out": click.option(
        "-o", "--out", type=click.Path(path_type=Path), help="Write the result to this file."
    ),
}  # fmt: skip
