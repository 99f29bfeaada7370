"""Which values of the masks are which class, found from the masks where that is plain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ccnet_edge.dataset.checking import MOST_CLASSES, MaskFacts
from ccnet_edge.dataset.classes import (
    BACKGROUND,
    FOREGROUND,
    NON_ZERO,
    ClassMap,
    ValueRange,
    show_value,
)
from ccnet_edge.errors import DataError

# Values that mean "foreground" in masks of 1 bit, 8 bits and 16 bits: they may be mixed.
_ON = {1, 255, 65_535}
# A lossy or soft-edged black-and-white mask: this share of its pixels is near 0 or 255.
_NEAR, _SHARE = 32, 0.97
# As many masks have to have one and the same set of values for it to be one of classes.
_SAME_VALUES_IN = 4
_SHOWN = 12


def infer_classes(masks: Sequence[MaskFacts]) -> ClassMap:
    """The classes of masks, where their values leave no doubt.

    In this order:

    1. At most one value besides 0 (or a mix of 1, 255 and 65 535, one a mask): that is the
       foreground.
    2. JPEG masks with nearly all pixels near 0 or 255: 128 and up is the foreground.
    3. Instance labels: every mask's values run 1 to n without a gap, no value is in several
       pieces, n differs between masks, and some n is 3 or more; or the masks together have
       more than `MOST_CLASSES` values, running so. All of them are one foreground class.
    4. Class labels: the values of all masks run 0 to K without a gap, and either at least
       four masks have all of them and no mask has others, or every value but 0 is
       somewhere in several pieces, which instances are not.

    Raises:
        DataError: anything else; it lists the values and the option that says their meaning.
    """
    values = sorted({value for mask in masks for value in mask.counts})
    on = set(values) - {0}
    most = max(len(_labels(mask)) for mask in masks)
    if 0 in values and (len(on) <= 1 or (on <= _ON and most == 1)):
        return NON_ZERO
    if 0 in values and _black_and_white(masks):
        low, high = ValueRange(low=0, high=127, label=0), ValueRange(low=128, high=255, label=1)
        return ClassMap(names=(BACKGROUND, FOREGROUND), ranges=(low, high), other=None)
    if 0 in values and _instances(masks):
        return NON_ZERO
    if 0 in values and _classes(masks, values):
        names = (BACKGROUND, *(f"class {value}" for value in values[1:]))
        ranges = tuple(ValueRange(low=value, high=value, label=value) for value in values)
        return ClassMap(names=names, ranges=ranges, other=None)
    raise _doubt(masks, values)


def _labels(mask: MaskFacts) -> list[int]:
    return [value for value in mask.counts if value != 0]


def _black_and_white(masks: Sequence[MaskFacts]) -> bool:
    if any(mask.path.suffix.casefold() not in (".jpg", ".jpeg") for mask in masks):
        return False
    total = sum(sum(mask.counts.values()) for mask in masks)
    extreme = sum(
        count
        for mask in masks
        for value, count in mask.counts.items()
        if value <= _NEAR or 255 - _NEAR <= value <= 255
    )
    return extreme >= _SHARE * total


def _runs_from_one(values: Sequence[int]) -> bool:
    return sorted(values) == list(range(1, len(values) + 1))


def _instances(masks: Sequence[MaskFacts]) -> bool:
    if not all(_runs_from_one(_labels(mask)) for mask in masks):
        return False
    numbers = {len(_labels(mask)) for mask in masks}
    if max(numbers) > MOST_CLASSES:
        return True
    whole = not any(mask.scattered for mask in masks)
    return whole and max(numbers) >= 3 and len(numbers - {0}) > 1


def _classes(masks: Sequence[MaskFacts], values: Sequence[int]) -> bool:
    if len(values) > MOST_CLASSES or list(values) != list(range(len(values))):
        return False
    complete = [mask for mask in masks if len(mask.counts) == len(values)]
    same = len(complete) == len(masks) >= _SAME_VALUES_IN
    scattered = frozenset[int]().union(*(mask.scattered for mask in masks))
    return same or scattered == set(values) - {0}


def _doubt(masks: Sequence[MaskFacts], values: Sequence[int]) -> DataError:
    pixels, files = Counter[int](), Counter[int]()
    for mask in masks:
        pixels.update(mask.counts)
        files.update(mask.counts.keys())
    total = sum(pixels.values())
    shown = sorted(value for value, _ in pixels.most_common(_SHOWN))
    lines = [
        f"value {show_value(value)}: {pixels[value] / total:.2%} of the pixels, "
        f"in {files[value]} of {len(masks)} masks"
        for value in shown
    ]
    if len(values) > len(shown):
        lines.append(f"and {len(values) - len(shown)} values more")
    example = ",".join(
        f"{BACKGROUND if i == 0 else f'name{i}'}={show_value(value)}"
        for i, value in enumerate(shown[:4])
    )
    last = show_value(shown[-1])
    return DataError(
        f"the masks have {len(values)} values, and which class each means is not plain",
        problems=tuple(lines),
        hint=f'give --classes "{example}" (or a classes.toml); or --foreground {last} for one '
        "class of one value; or --foreground any where each object has its own value",
    )
