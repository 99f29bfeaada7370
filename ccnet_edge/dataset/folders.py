"""Folders of images beside folders of masks, paired by name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ccnet_edge.dataset.naming import Pairing, natural_key, pair
from ccnet_edge.dataset.sample import Found, Role, Sample
from ccnet_edge.device.imaging.read import SUFFIXES
from ccnet_edge.errors import DataError

# Names of folders, the first that exists; `images` and `masks` are what the manual asks for.
IMAGE_FOLDERS = ("images", "image", "imgs", "img")
MASK_FOLDERS = ("masks", "labels", "label", "annotations", "ground_truth", "groundtruth", "gt",
                "1st_manual", "manual", "mask")  # fmt: skip
REGION_FOLDERS = ("fov", "regions", "region", "roi")
IGNORED_FOLDERS = ("ignore", "ignored", "borders")
SECOND_FOLDERS = ("masks_2nd", "masks2", "2nd_manual", "second")
# Words by which a mask is known among images of one folder.
_MASK_WORD = re.compile(r"(?:^|[_\W])(?:mask|label|seg|gt|manual|annotation)", re.IGNORECASE)
# Files that stand beside images without being one.
_NO_IMAGES = (".txt", ".md", ".json", ".csv", ".tsv", ".xml", ".toml", ".yaml", ".yml", ".db",
              ".ini", ".log", ".html", ".pdf", ".zip", ".sha256", ".py")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Files:
    """Image files of a folder: name without suffix → path, and the names that came twice."""

    paths: dict[str, Path]
    twice: dict[str, Path]


def find_folder(root: Path, names: tuple[str, ...]) -> Path | None:
    """The first folder of `root` that has one of the names, None where there is none."""
    return next((root / name for name in names if (root / name).is_dir()), None)


def require_folder(root: Path, name: str, option: str) -> Path:
    """The folder that an option names, in `root` or anywhere.

    Raises:
        DataError: no such folder.
    """
    for folder in (root / name, Path(name)):
        if folder.is_dir():
            return folder
    raise DataError(f"{option} {name}: no such folder in {root}")


def read_folders(root: Path) -> Found | None:
    """The samples of `root`'s images and masks, None where it has no such folders."""
    images, masks = find_folder(root, IMAGE_FOLDERS), find_folder(root, MASK_FOLDERS)
    if images is None or masks is None:
        return None
    found = Found()
    _pair_up(found, _files(images, found), _files(masks, found))
    return found


def read_flat(root: Path) -> Found:
    """The samples of one folder that holds both; a mask has a word like `mask` in its name."""
    found = Found()
    files = _files(root, found, without=(*REGION_FOLDERS, *IGNORED_FOLDERS, *SECOND_FOLDERS))
    images, masks = _Files(paths={}, twice={}), _Files(paths={}, twice={})
    for name, path in files.paths.items():
        (masks if _MASK_WORD.search(name) else images).paths[name] = path
    for name, path in files.twice.items():
        (masks if _MASK_WORD.search(name) else images).twice[name] = path
    _pair_up(found, images, masks)
    return found


def attach(found: Found, folder: Path, role: Role) -> None:
    """Give the samples the files of `folder` as their `role`: region, ignored or second.

    An image for which the folder has no file is a problem, except for a second observer.
    """
    others = _files(folder, found)
    pairing = pair([sample.name for sample in found.samples], list(others.paths))
    for i, sample in enumerate(found.samples):
        files = tuple(others.paths[match] for match in pairing.matches[sample.name])
        if files:
            found.samples[i] = sample.with_files(role, files)
        elif role != "second":
            found.problem(f"{sample.image}: no file for it in {folder}", sample=sample.name)
    _report_twice(found, others, pairing)


def image_files(folder: Path, found: Found, *, without: Sequence[str] = ()) -> list[Path]:
    """Images in `folder` and below, in natural order; formats that are not read are problems.

    Folders of the names `without` that stand in `folder` are left out.
    """
    files = []
    for path in sorted(folder.rglob("*"), key=lambda path: natural_key(path.as_posix())):
        suffix = path.suffix.casefold()
        parts = path.relative_to(folder).parts
        left_out = parts[0] in without or any(part.startswith(".") for part in parts)
        if left_out or not path.is_file() or suffix in _NO_IMAGES:
            continue
        if suffix in SUFFIXES:
            files.append(path)
        else:
            found.problem(f"{path}: PNG, JPEG, TIFF, GIF or BMP was wanted, found {path.name!r}")
    return files


def _files(folder: Path, found: Found, *, without: Sequence[str] = ()) -> _Files:
    files = _Files(paths={}, twice={})
    for path in image_files(folder, found, without=without):
        name = path.relative_to(folder).with_suffix("").as_posix()
        (files.twice if name in files.paths else files.paths)[name] = path
    return files


def _pair_up(found: Found, images: _Files, masks: _Files) -> None:
    for name, path in images.twice.items():
        found.problem(f"{path}: two images with one name: {images.paths[name]}", sample=name)
    pairing = pair(list(images.paths), list(masks.paths))
    for name, matched in pairing.matches.items():
        if matched:
            files = tuple(masks.paths[match] for match in matched)
            found.samples.append(Sample(name=name, image=images.paths[name], masks=files))
        else:
            found.problem(f"{images.paths[name]}: an image without a mask", sample=name)
    for other in pairing.unmatched:
        found.problem(f"{masks.paths[other]}: a mask without an image")
    _report_twice(found, masks, pairing)


def _report_twice(found: Found, others: _Files, pairing: Pairing) -> None:
    owners = {mask: name for name, masks in pairing.matches.items() for mask in masks}
    for name, path in others.twice.items():
        text = f"{path}: two masks with one name: {others.paths[name]}"
        found.problem(text, sample=owners.get(name))
