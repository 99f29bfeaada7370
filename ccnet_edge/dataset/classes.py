"""Which values of the masks are which class: given by a person, as a value."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.dataset.sample import IGNORE
from ccnet_edge.device.imaging.read import COLOUR_BIT
from ccnet_edge.errors import ConfigError, DataError, UsageError

BACKGROUND, FOREGROUND = "background", "foreground"
IGNORE_NAME = "ignore"
# Labels are uint8; 255 is `IGNORE`, 254 marks a value that belongs to no class.
MOST_CLASSES = 254
_UNLISTED = 254
_VALUES = re.compile(r"(\d+)(?:\s*-\s*(\d+))?")
_COLOUR = re.compile(r"#([0-9a-fA-F]{6})")
_EXAMPLE = "background=0,nucleus=1,membrane=2"


@dataclass(frozen=True, kw_only=True)
class ValueRange:
    """Mask values `low` to `high`, both included, and the label they have."""

    low: int
    high: int
    label: int


@dataclass(frozen=True, kw_only=True)
class ClassMap:
    """Mask values to labels: index into `names` (background first) or `IGNORE`.

    `other` is the label of values in no range; None where every value has to be listed.
    """

    names: tuple[str, ...]
    ranges: tuple[ValueRange, ...]
    other: int | None

    def labels(self, mask: NDArray[Any]) -> NDArray[np.uint8]:
        """The labels [H, W] of a mask's values [H, W].

        Raises:
            DataError: a value that belongs to no class.
        """
        if mask.dtype == np.int32:
            labels = self._painted(mask)
        else:
            every = np.arange(np.iinfo(mask.dtype).max + 1, dtype=np.int32)
            labels = self._painted(every)[mask]
        if self.other is None and (labels == _UNLISTED).any():
            raise DataError(f"a mask has values that belong to no class of {self.names}")
        return labels

    def label_of(self, value: int) -> int | None:
        """The label of one value, None where it belongs to no class."""
        label = int(self._painted(np.array([value], np.int32))[0])
        return None if label == _UNLISTED else label

    def _painted(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        start = _UNLISTED if self.other is None else self.other
        labels = np.full(values.shape, start, np.uint8)
        for entry in self.ranges:
            labels[(values >= entry.low) & (values <= entry.high)] = entry.label
        return labels


# Every value but 0 is foreground: 1 bit, 0/1, 0/255 and instance labels.
NON_ZERO = ClassMap(
    names=(BACKGROUND, FOREGROUND), ranges=(ValueRange(low=0, high=0, label=0),), other=1
)


def foreground_classes(values: str | int) -> ClassMap:
    """One foreground class: `0`, `"1,2"`, `"128-255"`, or `"any"` for every value but 0."""
    if str(values).strip() == "any":
        return NON_ZERO
    parts = [_values(part, "--foreground") for part in str(values).split(",")]
    ranges = tuple(ValueRange(low=low, high=high, label=1) for low, high in parts)
    return ClassMap(names=(BACKGROUND, FOREGROUND), ranges=ranges, other=0)


def parse_classes(text: str) -> ClassMap:
    """The classes in `background=0,nucleus=1+3,membrane=4-9,ignore=255`.

    The class called background comes first wherever it stands, else the first one given.

    Raises:
        UsageError: no such text, a class or value twice, fewer than two classes.
    """
    entries: list[tuple[str, str]] = []
    for part in text.split(","):
        name, equals, values = part.partition("=")
        if not (equals and name.strip() and values.strip()):
            raise UsageError(
                f"--classes: name=value was wanted, found {part!r}",
                hint=f"write for example --classes {_EXAMPLE}",
            )
        if any(name.strip() == known for known, _ in entries):
            raise UsageError(
                f"--classes: class {name.strip()!r} was given twice",
                hint="several values of one class are joined by +: nucleus=1+3",
            )
        entries += [(name.strip(), value) for value in values.split("+")]
    return _class_map(entries, "--classes")


def load_classes(path: Path) -> ClassMap:
    """The classes in a TOML file's table `[classes]`: name = value, "low-high" or a list.

    Raises:
        ConfigError: not such a file.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("classes")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: could not be read as TOML: {error}") from error
    if not isinstance(table, dict) or not table:
        raise ConfigError(
            f"{path}: a table [classes] was wanted",
            hint="for example: [classes], then background = 0, then nucleus = [1, 2]",
        )
    entries = []
    for name, values in table.items():
        for value in values if isinstance(values, list) else [values]:
            if isinstance(value, bool) or not isinstance(value, (int, str)):
                raise ConfigError(f"{path}: classes.{name}: a value was wanted, found {value!r}")
            entries.append((name, str(value)))
    return _class_map(entries, str(path))


def show_value(value: int) -> str:
    """A mask value as `--classes` takes it: a number, or a colour such as `#ff0000`."""
    return f"#{value & 0xFFFFFF:06x}" if value & COLOUR_BIT else str(value)


def _class_map(entries: Iterable[tuple[str, str]], where: str) -> ClassMap:
    values: dict[str, list[tuple[int, int]]] = {}
    for name, text in entries:
        values.setdefault(name, []).append(_values(text, where))
    names = [name for name in values if name != IGNORE_NAME]
    names.sort(key=lambda name: name != BACKGROUND)
    if not 2 <= len(names) <= MOST_CLASSES:
        raise ConfigError(f"{where}: 2 to {MOST_CLASSES} classes were wanted, found {len(names)}")
    ranges = [
        ValueRange(low=low, high=high, label=IGNORE if name == IGNORE_NAME else names.index(name))
        for name, pairs in values.items()
        for low, high in pairs
    ]
    ranges.sort(key=lambda entry: entry.low)
    for one, other in itertools.pairwise(ranges):
        if other.low <= one.high:
            raise ConfigError(f"{where}: value {show_value(other.low)} was given to two classes")
    return ClassMap(names=tuple(names), ranges=tuple(ranges), other=None)


def _values(text: str, where: str) -> tuple[int, int]:
    colour, numbers = _COLOUR.fullmatch(text.strip()), _VALUES.fullmatch(text.strip())
    if colour is not None:
        value = _packed(int(colour[1], 16))
        return value, value
    if numbers is None or int(numbers[2] or numbers[1]) < int(numbers[1]):
        raise ConfigError(
            f"{where}: a mask value such as 1, 3-9 or #ff0000 was wanted, found {text.strip()!r}"
        )
    return int(numbers[1]), int(numbers[2] or numbers[1])


def _packed(rgb: int) -> int:
    """The value that `read_mask` gives a pixel of this colour."""
    red, green, blue = rgb >> 16, rgb >> 8 & 0xFF, rgb & 0xFF
    return red if red == green == blue else COLOUR_BIT | rgb
