"""How a person wants a data set to be read, as a value."""

from __future__ import annotations

from dataclasses import dataclass

from ccnet_edge.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class DatasetOptions:
    """Options of `open_dataset`; None means found or inferred.

    Attributes:
        foreground: mask values that are the one foreground class: `0`, `"1,2"`, `"128-255"`,
            or `"any"` for every value but 0 (instance labels).
        classes: `"background=0,nucleus=1,membrane=2"`, or the path of a `classes.toml`.
        regions: folder of masks whose non-zero pixels are what counts; `"none"` for no region
            even where a folder `fov` stands beside the images.
        ignored: folder of masks whose non-zero pixels do not count.
        second: folder of a second observer's masks; `"none"` for none.
        seed: of the splits that the data set does not give itself.
        group_by: a regular expression found in names (its first group, where it has one), or
            a number of leading characters: images with the same text stay in one split.
        validation_share: share of the training images that validation takes.
        test_share: share of all images that the test takes, where no test split is given.
        skip_bad: leave out what cannot be used, rather than refuse the data set.
        allow_empty: masks without any foreground are meant to be so.
    """

    foreground: int | str | None = None
    classes: str | None = None
    regions: str | None = None
    ignored: str | None = None
    second: str | None = None
    seed: int = 0
    group_by: str | None = None
    validation_share: float = 0.15
    test_share: float = 0.2
    skip_bad: bool = False
    allow_empty: bool = False

    def __post_init__(self) -> None:
        if self.foreground is not None and self.classes is not None:
            raise UsageError(
                "both a foreground value and classes were given",
                hint="--foreground is for one class, --classes for several: give one of them",
            )
        for name in ("validation_share", "test_share"):
            share = getattr(self, name)
            if not 0 < share < 1:
                raise UsageError(
                    f"{name}: a share above 0 and below 1 was wanted, found {share}",
                    hint="0.15 or 15% takes about every seventh image",
                )
