"""Where a data set keeps its images, masks and splits: lists, folders, or all in one folder."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from ccnet_edge.dataset import folders
from ccnet_edge.dataset.lists import find_lists, read_list
from ccnet_edge.dataset.naming import common_folder, natural_key
from ccnet_edge.dataset.options import DatasetOptions
from ccnet_edge.dataset.sample import Found, Problem, Role, Sample
from ccnet_edge.errors import DataError

SPLIT_FOLDERS = {
    "train": ("train", "training"),
    "validation": ("validation", "val", "valid"),
    "test": ("test", "testing"),
}
# Role of a sample → (the option that names its folder, names that are found without it).
BESIDE: dict[Role, tuple[str, tuple[str, ...]]] = {
    "region": ("--regions", folders.REGION_FOLDERS),
    "ignored": ("--ignored", folders.IGNORED_FOLDERS),
    "second": ("--second", folders.SECOND_FOLDERS),
}
_EXPECTED = "wanted is train.txt with test.txt, or images/ with masks/, or train/ with test/"


@dataclass(kw_only=True)
class Layout:
    """Samples by split (`all` where the data set gives no split), and what is wrong."""

    splits: dict[str, list[Sample]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def samples(self) -> list[Sample]:
        """The samples of all splits."""
        return [sample for samples in self.splits.values() for sample in samples]


def find_samples(root: Path, options: DatasetOptions) -> Layout:
    """Every image of the data set at `root`, with its masks and what stands beside them.

    Raises:
        DataError: no folder, or none of the layouts that are read.
    """
    if not root.is_dir():
        raise DataError(f"{root}: a folder with images and masks was wanted, found none")
    layout = _lists(root, options) or _split_folders(root, options) or _one_folder(root, options)
    if not layout.samples:
        raise DataError(
            f"{root}: no image with a mask was found",
            problems=tuple(problem.text for problem in layout.problems),
            hint=_EXPECTED,
        )
    _leave_out_doubles(layout)
    for samples in layout.splits.values():
        samples.sort(key=lambda sample: natural_key(sample.name))
    return layout


def _lists(root: Path, options: DatasetOptions) -> Layout | None:
    lists = find_lists(root)
    if not lists:
        return None
    if "train" not in lists:
        raise DataError(
            f"{root}: train.txt was wanted beside {', '.join(p.name for p in lists.values())}",
            hint="list the training images too, or remove the lists for a split by the seed",
        )
    found = {split: read_list(path) for split, path in lists.items()}
    common = common_folder(sample.name for part in found.values() for sample in part.samples)
    layout = Layout()
    for split, part in found.items():
        part.samples = [replace(s, name=s.name[len(common) :]) for s in part.samples]
        layout.splits[split] = _with_beside(part, root, options).samples
        layout.problems += part.problems
    return layout


def _split_folders(root: Path, options: DatasetOptions) -> Layout | None:
    paths = {split: folders.find_folder(root, names) for split, names in SPLIT_FOLDERS.items()}
    if paths["train"] is None:
        return None
    layout = Layout()
    for split, path in paths.items():
        if path is not None:
            found, prefix = _folder(path, options), f"{path.name}/"
            layout.splits[split] = [replace(s, name=prefix + s.name) for s in found.samples]
            layout.problems += [
                replace(problem, sample=problem.sample and prefix + problem.sample)
                for problem in found.problems
            ]
    return layout


def _one_folder(root: Path, options: DatasetOptions) -> Layout:
    found = _folder(root, options)
    return Layout(splits={"all": found.samples}, problems=found.problems)


def _folder(path: Path, options: DatasetOptions) -> Found:
    return _with_beside(folders.read_folders(path) or folders.read_flat(path), path, options)


def _with_beside(found: Found, base: Path, options: DatasetOptions) -> Found:
    """`found`, its samples with what stands in folders beside them in `base`."""
    wanted: dict[Role, str | None] = {
        "region": options.regions,
        "ignored": options.ignored,
        "second": options.second,
    }
    for role, (option, names) in BESIDE.items():
        name = wanted[role]
        if name == "none":
            found.samples = [sample.with_files(role, ()) for sample in found.samples]
        elif name is not None:
            folders.attach(found, folders.require_folder(base, name, option), role)
        elif not any(getattr(sample, role) for sample in found.samples):
            folder = folders.find_folder(base, names)
            if folder is not None:
                folders.attach(found, folder, role)
    return found


def _leave_out_doubles(layout: Layout) -> None:
    """A name that comes twice is a problem: what is tested may not be trained on."""
    first: dict[str, tuple[str, Sample]] = {}
    for split, samples in layout.splits.items():
        kept = []
        for sample in samples:
            if sample.name not in first:
                first[sample.name] = (split, sample)
                kept.append(sample)
                continue
            other_split, other = first[sample.name]
            where = f"{other.image} in {other_split}, {sample.image} in {split}"
            text = f"two images with one name {sample.name!r}: {where}"
            layout.problems.append(Problem(text=text, sample=sample.name))
        layout.splits[split] = kept
