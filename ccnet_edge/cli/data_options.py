"""The options that say which images to use and how to read them, shared by commands.

`@data_options` gives a command one keyword, `dataset_request`; its `open` gives the data set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ccnet_edge.cli.console import say
from ccnet_edge.cli.option_values import Option, collected, parsed
from ccnet_edge.errors import UsageError
from ccnet_edge.spec.progress import Progress
from ccnet_edge.units import parse_share

if TYPE_CHECKING:
    from ccnet_edge.dataset import SegmentationDataset

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class DatasetRequest:
    """A folder of images with masks, and how a person wants it to be read."""

    data: Path | None
    foreground: str | None
    classes: str | None
    regions: str | None
    ignored: str | None
    second: str | None
    split_seed: int
    group_by: str | None
    validation_share: float | None
    test_share: float | None
    skip_bad: bool
    allow_empty: bool

    def open(self, progress: Progress) -> SegmentationDataset:
        """The data set in `data`, every file of it read and checked.

        Raises:
            UsageError: no folder was given, or options that do not go together.
            DataError: everything that is wrong with the files, with paths.
        """
        if self.data is None:
            raise UsageError(
                "--data was wanted: a folder with images and masks",
                hint="ccnet-edge sample-data -o samples writes one to try things on",
            )
        return self.open_at(self.data, progress)

    def open_at(self, folder: Path, progress: Progress) -> SegmentationDataset:
        """The data set in `folder`, read as this request says; see `open`."""
        from ccnet_edge.dataset import DatasetOptions, open_dataset

        shares = {"validation_share": self.validation_share, "test_share": self.test_share}
        options = DatasetOptions(
            foreground=self.foreground,
            classes=self.classes,
            regions=self.regions,
            ignored=self.ignored,
            second=self.second,
            seed=self.split_seed,
            group_by=self.group_by,
            skip_bad=self.skip_bad,
            allow_empty=self.allow_empty,
            **{name: share for name, share in shares.items() if share is not None},
        )
        dataset = open_dataset(folder, options, progress=progress)
        for problem in dataset.skipped:
            say(f"  - {problem}")
        return dataset


def data_options(command: F) -> F:
    """Give `command` the options of a `DatasetRequest` as its keyword `dataset_request`."""
    return collected(command, "dataset_request", DatasetRequest, _DATA_OPTIONS)


_DATA_OPTIONS: dict[str, Option] = {
    "data": click.option(
        "--data",
        type=click.Path(path_type=Path),
        help="Folder with images and masks: images/ with masks/, train.txt with test.txt, or "
        "train/ with test/.",
    ),
    "foreground": click.option(
        "--foreground", metavar="VALUES", help="Mask values of the one class: 0, 128-255 or any."
    ),
    "classes": click.option(
        "--classes", metavar="NAME=VALUE,…|FILE", help="Mask values by class, or a classes.toml."
    ),
    "regions": click.option(
        "--regions", metavar="FOLDER", help="Masks of what counts (default: fov/); none for none."
    ),
    "ignored": click.option("--ignored", metavar="FOLDER", help="Masks of what does not count."),
    "second": click.option(
        "--second", metavar="FOLDER", help="A second observer's masks (default: masks_2nd/)."
    ),
    "split_seed": click.option(
        "--split-seed", type=click.IntRange(0), default=0, show_default=True,
        help="Of splits that the data does not give.",
    ),
    "group_by": click.option(
        "--group-by", metavar="REGEX|N",
        help="Keep names with the same match, or first N characters, in one split.",
    ),
    "validation_share": parsed(
        "--validation-share", parse_share, "SHARE", "Of the training images; default: 15%."
    ),
    "test_share": parsed(
        "--test-share", parse_share, "SHARE", "Of all images, where no test is given; 20%."
    ),
    "skip_bad": click.option("--skip-bad", is_flag=True, help="Leave out what cannot be used."),
    "allow_empty": click.option(
        "--allow-empty", is_flag=True, help="Masks without foreground are meant to be so."
    ),
}  # fmt: skip
