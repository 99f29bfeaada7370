"""One image with the files that say what is in it, and what can be wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

# Label of pixels outside the region that counts: losses and metrics leave them out.
IGNORE = 255

# What may stand beside an image and its masks.
Role = Literal["region", "ignored", "second"]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """An image and its files; `name` is unique in its data set.

    Several `masks` are united. Pixels outside `region` (where it is 0) and inside `ignored`
    (where it is not 0) do not count. `second` is a second observer's opinion, often absent.
    """

    name: str
    image: Path
    masks: tuple[Path, ...]
    region: Path | None = None
    ignored: Path | None = None
    second: tuple[Path, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file of the sample, the image first."""
        beside = tuple(path for path in (self.region, self.ignored) if path is not None)
        return (self.image, *self.masks, *beside, *self.second)

    def with_files(self, role: Role, files: tuple[Path, ...]) -> Sample:
        """The same sample with `files` as its `role`; none takes away what it had."""
        if role == "second":
            return replace(self, second=files)
        first = files[0] if files else None
        return replace(self, region=first) if role == "region" else replace(self, ignored=first)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something wrong with a data set, in words; `sample` is the one that cannot be used."""

    text: str
    sample: str | None = None


@dataclass(kw_only=True)
class Found:
    """Samples that were found so far, with what is wrong with them and with what is not one."""

    samples: list[Sample] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def problem(self, text: str, *, sample: str | None = None) -> None:
        """Note something wrong; `sample` names the one that cannot be used for it."""
        self.problems.append(Problem(text=text, sample=sample))


def spread(samples: Sequence[Sample], count: int) -> tuple[Sample, ...]:
    """At most `count` of the samples, evenly spread."""
    step = max(1, -(-len(samples) // count))
    return tuple(samples[::step])
