"""Which images are segmented, and what their outputs are called."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ccnet_edge.device.imaging.read import SUFFIXES
from ccnet_edge.errors import UsageError


def find_images(given: Sequence[Path], *, out: Path) -> list[Path]:
    """The image files that `given` names: files as they are, folders by what is in them, sorted.

    A file that is given twice is taken once; `out` is not searched.

    Raises:
        UsageError: nothing was found.
    """
    found: dict[Path, Path] = {}
    for path in given:
        for file in _in_folder(path, out) if path.is_dir() else [path]:
            found.setdefault(file.resolve(), file)
    if not found:
        raise UsageError(
            f"images were wanted, found none in {', '.join(map(str, given)) or 'nothing'}",
            hint=f"files of these kinds are taken from folders: {', '.join(SUFFIXES)}",
        )
    return list(found.values())


def output_names(images: Sequence[Path]) -> list[str]:
    """A name without suffix for every image's output, no two alike on any file system.

    The image's stem where that is enough; else its whole name, then with as many of its
    folders before it as it takes; a number where all of that is the same but for case.
    """
    resolved = [image.resolve() for image in images]
    first = {str(path).casefold(): path for path in reversed(resolved)}
    told_apart = _told_apart(list(first.values()))
    names: list[str] = []
    taken = {name.casefold() for name in told_apart.values()}
    for path in resolved:
        if path in told_apart:
            names.append(told_apart[path])
            continue
        number = next(n for n in itertools.count(2) if f"{path.stem}-{n}".casefold() not in taken)
        names.append(f"{path.stem}-{number}")
        taken.add(names[-1].casefold())
    return names


def _in_folder(folder: Path, out: Path) -> list[Path]:
    if folder.resolve() == out.resolve():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    )


def _told_apart(paths: list[Path]) -> dict[Path, str]:
    """Path → name, for as many of `paths` as have one of their own at some depth."""
    depths = dict.fromkeys(paths, 0)
    for _ in range(max((len(path.parts) for path in paths), default=0)):
        count = Counter(_name(path, depth).casefold() for path, depth in depths.items())
        for path, depth in depths.items():
            depths[path] = depth + (count[_name(path, depth).casefold()] > 1)
    names = {path: _name(path, depth) for path, depth in depths.items()}
    owner = {name.casefold(): path for path, name in reversed(names.items())}
    return {path: name for path, name in names.items() if owner[name.casefold()] == path}


def _name(path: Path, depth: int) -> str:
    """Depth 0: the stem; 1: the whole name; more: folders before it."""
    if depth == 0:
        return path.stem
    return "_".join(part.strip("/\\:") for part in path.parts[-depth:])
