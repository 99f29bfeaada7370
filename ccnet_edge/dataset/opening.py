"""Open a data set: find its files, check every one, and say everything that is wrong at once."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median

from ccnet_edge.dataset.checking import MaskFacts, SampleFacts, check_samples
from ccnet_edge.dataset.classes import (
    ClassMap,
    foreground_classes,
    load_classes,
    parse_classes,
    show_value,
)
from ccnet_edge.dataset.dataset import SegmentationDataset
from ccnet_edge.dataset.inferring import infer_classes
from ccnet_edge.dataset.layout import find_samples
from ccnet_edge.dataset.options import DatasetOptions
from ccnet_edge.dataset.sample import IGNORE, Problem, Sample
from ccnet_edge.dataset.splitting import take_share
from ccnet_edge.errors import DataError
from ccnet_edge.spec.progress import Progress, silent

log = logging.getLogger(__name__)

DEFAULT_OPTIONS = DatasetOptions()


def open_dataset(
    root: Path, options: DatasetOptions = DEFAULT_OPTIONS, *, progress: Progress = silent
) -> SegmentationDataset:
    """The data set in the folder `root`, every file of it read and checked.

    Raises:
        DataError: everything that is wrong, with paths; with `options.skip_bad` only where
            nothing is left, or the classes are in doubt.
        UsageError: options that do not go together or cannot be read.
    """
    layout = find_samples(root, options)
    facts = check_samples(layout.samples, progress)
    problems = layout.problems + [problem for one in facts for problem in one.problems]
    channels = _channels(facts, problems)
    class_map = _class_map(root, options, facts, problems)
    problems += _class_problems(facts, class_map, allow_empty=options.allow_empty)
    bad = {problem.sample for problem in problems}
    splits = {
        split: [sample for sample in samples if sample.name not in bad]
        for split, samples in layout.splits.items()
    }
    _refuse(root, options, problems, splits)
    train, validation, test = _split(splits, options)
    used = [one for one in facts if one.sample.name not in bad]
    trained = {sample.name for sample in train}
    sizes = [(one.height, one.width) for one in used if one.sample.name in trained]
    return SegmentationDataset(
        name=root.resolve().name,
        root=root,
        options=options,
        class_map=class_map,
        channels=channels,
        maximum=65_535.0 if any(one.sixteen_bit for one in used) else 255.0,
        typical=(round(median(h for h, _ in sizes)), round(median(w for _, w in sizes))),
        train=train,
        validation=validation,
        test=test,
        skipped=tuple(problem.text for problem in problems),
    )


def _channels(facts: Sequence[SampleFacts], problems: list[Problem]) -> int:
    """Channels of the set's images: 3 where grey and colour are mixed, else the most common."""
    found = Counter(one.channels for one in facts if one.channels)
    if not found:
        return 1
    usual = found.most_common(1)[0][0]
    channels = 3 if usual == 1 and 3 in found else usual
    problems += [
        Problem(
            text=f"{one.sample.image}: {channels} channels as in the other images were wanted, "
            f"found {one.channels}",
            sample=one.sample.name,
        )
        for one in facts
        if one.channels not in (0, channels) and {one.channels, channels} != {1, 3}
    ]
    return channels


def _class_map(
    root: Path, options: DatasetOptions, facts: Sequence[SampleFacts], problems: list[Problem]
) -> ClassMap:
    """The classes that the options, a `classes.toml` or the masks themselves give."""
    if options.foreground is not None:
        return foreground_classes(options.foreground)
    if options.classes is not None:
        path = Path(options.classes)
        return load_classes(path) if path.suffix == ".toml" else parse_classes(options.classes)
    if (root / "classes.toml").is_file():
        return load_classes(root / "classes.toml")
    masks = [mask for one in facts if not one.problems for mask in one.masks]
    if not masks:
        raise _error(root, problems)
    try:
        return infer_classes(masks)
    except DataError as error:
        doubt = f"{root}: {error.message.splitlines()[0]}"
        if options.skip_bad or not problems:
            raise DataError(doubt, problems=error.problems, hint=error.hint) from error
        raise DataError(
            f"{doubt}; and {_count(problems)} in the data",
            problems=(*error.problems, *(problem.text for problem in problems)),
            hint=error.hint,
        ) from error


def _class_problems(
    facts: Sequence[SampleFacts], class_map: ClassMap, *, allow_empty: bool
) -> list[Problem]:
    """Values that belong to no class, and masks in which there is nothing."""
    problems = []
    for one in facts:
        name = one.sample.name
        for mask in one.masks + one.second:
            strange = [value for value in mask.counts if class_map.label_of(value) is None]
            if strange:
                found = ", ".join(show_value(value) for value in strange[:8])
                text = f"{mask.path}: values of no class were found: {found}"
                problems.append(Problem(text=text, sample=name))
        if one.masks and not allow_empty and not any(_foreground(m, class_map) for m in one.masks):
            text = f"{one.masks[0].path}: a mask with nothing in it"
            problems.append(Problem(text=text, sample=name))
    return problems


def _foreground(mask: MaskFacts, class_map: ClassMap) -> bool:
    """Whether anything but background is in a mask; a value of no class is something."""
    labels = (class_map.label_of(value) for value in mask.counts)
    return any(label not in (0, IGNORE) for label in labels)


def _refuse(
    root: Path, options: DatasetOptions, problems: list[Problem], splits: dict[str, list[Sample]]
) -> None:
    """Raise what is wrong, and where a split that the data set gives has nothing left."""
    left = sum(map(len, splits.values()))
    if problems and (not options.skip_bad or not left):
        raise _error(root, problems)
    for split, samples in splits.items():
        if not samples:
            raise DataError(
                f"{root}: at least one image for {split} was wanted, found none that can be used",
                problems=tuple(problem.text for problem in problems),
                hint=f"add images, or remove the list or folder of {split}",
            )
    if problems:
        out = len({problem.sample for problem in problems} - {None})
        log.warning("%s: %d images left out for %s, %d are left", root, out, _count(problems), left)


def _count(problems: Sequence[Problem]) -> str:
    return f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"


def _error(root: Path, problems: Sequence[Problem]) -> DataError:
    return DataError(
        f"{root}: {_count(problems)} in the data",
        problems=tuple(problem.text for problem in problems),
        hint="correct them, or leave these images out with --skip-bad"
        + (
            "; --allow-empty keeps empty masks"
            if any("nothing" in p.text for p in problems)
            else ""
        ),
    )


def _split(
    splits: dict[str, list[Sample]], options: DatasetOptions
) -> tuple[tuple[Sample, ...], tuple[Sample, ...], tuple[Sample, ...]]:
    """Train, validation and test; validation comes out of train, never out of test."""
    train = tuple(splits.get("train") or splits.get("all") or ())
    test, validation = tuple(splits.get("test", ())), tuple(splits.get("validation", ()))
    take = partial(take_share, seed=options.seed, group_by=options.group_by)
    if not test:
        test, train = take(train, share=options.test_share)
    if not validation:
        validation, train = take(train, share=options.validation_share)
    return train, validation, test
