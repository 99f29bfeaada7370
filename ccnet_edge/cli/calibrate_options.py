"""The options of a sweep over data sets, multipliers and seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ccnet_edge.cli.option_values import Option, collected, parsed
from ccnet_edge.errors import UsageError
from ccnet_edge.spec.progress import Progress

if TYPE_CHECKING:
    from ccnet_edge.dataset import DatasetOptions, SegmentationDataset
    from ccnet_edge.experiments.calibrate import CalibrationRequest

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class SweepOptions:
    """What was given of a sweep."""

    data: tuple[Path, ...]
    arch: str
    base_width: int | None
    alphas: tuple[float, ...] | None
    seeds: int
    size: int
    definition: str
    recipe: str
    steps: int | None
    device: str
    cheap: bool
    name: str | None
    work: Path
    engine: str

    def request(self, name: str) -> CalibrationRequest:
        """What to sweep over; `name` is the preset's where none was given.

        Raises:
            UsageError: an unknown architecture, definition or recipe, or multipliers that make no
                line.
        """
        from ccnet_edge.architectures import find_architecture
        from ccnet_edge.complexity import find_definition
        from ccnet_edge.experiments.calibrate import ALPHAS, CHEAP_ALPHAS, CalibrationRequest
        from ccnet_edge.experiments.sweep import find_engine
        from ccnet_edge.train import find_recipe

        find_architecture(self.arch)
        find_engine(self.engine)
        find_recipe(self.recipe)
        return CalibrationRequest(
            name=self.name or name,
            architecture=self.arch,
            base_width=self.base_width,
            alphas=self.alphas or (CHEAP_ALPHAS if self.cheap else ALPHAS),
            seeds=tuple(range(self.seeds)),
            largest=self.size,
            recipe=self.recipe,
            steps=self.steps,
            device=self.device,
            definition=find_definition(self.definition),
            cheap=self.cheap,
        )

    def datasets(
        self, more: tuple[Path, ...], progress: Progress
    ) -> list[tuple[SegmentationDataset, DatasetOptions]]:
        """Every data set with the options that it was read with.

        Raises:
            UsageError: none was given.
            DataError: one cannot be read.
        """
        from ccnet_edge.dataset import DatasetOptions, open_dataset

        folders = (*self.data, *more)
        if not folders:
            raise UsageError("--data was wanted: a folder for each of two data sets or more")
        options = DatasetOptions()
        return [(open_dataset(path, options, progress=progress), options) for path in folders]


def parse_alphas(text: str) -> tuple[float, ...]:
    """Multipliers in a text such as `1,0.5,0.25`.

    Raises:
        UsageError: something else.
    """
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"multipliers as 1,0.5,0.25 were wanted, found {text!r}") from error


def sweep_options(command: F) -> F:
    """Give `command` the options of `SweepOptions` as its keyword `options`."""
    return collected(command, "options", SweepOptions, _OPTIONS)


_OPTIONS: dict[str, Option] = {
    "data": click.option(
        "--data", multiple=True, type=click.Path(path_type=Path),
        help="Folders with images and masks: --data A B C.",
    ),
    "arch": click.option("--arch", default="unet", show_default=True, help="The architecture."),
    "base_width": click.option(
        "--base-width", type=click.IntRange(1),
        help="Channels of the base network's first scale.  [default: the architecture's]",
    ),
    "alphas": parsed(
        "--alphas", parse_alphas, "A,…",
        "Multipliers, 1 among them.  [default: 1,0.75,0.5,0.25,0.1875,0.125,0.0625]",
    ),
    "seeds": click.option(
        "--seeds", type=click.IntRange(1), default=1, show_default=True, help="Trainings of each."
    ),
    "size": click.option(
        "--size", type=click.IntRange(16), default=512, show_default=True,
        help="Pixels of the longer side of the network's input.",
    ),
    "definition": click.option(
        "--definition", default="colour-bytes", show_default=True, help="What J means."
    ),
    "recipe": click.option(
        "--recipe", default="default", show_default=True, help="default, paper, quick or sweep."
    ),
    "steps": click.option("--steps", type=click.IntRange(1), help="In place of the recipe's."),
    "device": click.option("--device", default="auto", show_default=True, help="To train on."),
    "cheap": click.option(
        "--cheap", is_flag=True,
        help="Of all data the least and the most complex set alone, at 1, 0.25 and 0.0625.",
    ),
    "name": click.option("--name", help="Of the preset.  [default: the file's]"),
    "work": click.option(
        "--work", type=click.Path(path_type=Path), default=Path("build/work"), show_default=True,
        help="Folder for what is trained.",
    ),
    "engine": click.option(
        "--engine", default="local", show_default=True,
        help="Where to train: local, or ray for the cluster of RAY_ADDRESS.",
    ),
}  # fmt: skip
