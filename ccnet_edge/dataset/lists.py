"""`train.txt` and its like: an image and its masks a line, separated by tabs."""

from __future__ import annotations

import posixpath
from pathlib import Path

from ccnet_edge.dataset.sample import Found, Sample
from ccnet_edge.errors import DataError

# Split → the file names it may have, the first that exists.
LIST_NAMES = {
    "train": ("train.txt",),
    "validation": ("validation.txt", "val.txt", "valid.txt"),
    "test": ("test.txt",),
}
COLUMNS = ("image", "mask", "region", "second", "ignored")
_SEVERAL = ("mask", "second")


def find_lists(root: Path) -> dict[str, Path]:
    """Split → its list file, for those that are there."""
    found = {}
    for split, names in LIST_NAMES.items():
        for name in reversed(names):
            if (root / name).is_file():
                found[split] = root / name
    return found


def read_list(path: Path) -> Found:
    """The samples of a list file; their names are the images' paths, without file suffix.

    Columns are image, mask, region, second and ignored, or what a first line with these
    names says. The masks of an image are separated by commas; a cell may be empty. Paths
    are relative to the list's folder and stay in it.

    Raises:
        DataError: the file is not UTF-8 text.
    """
    found = Found()
    columns: tuple[str, ...] = COLUMNS
    for number, line in enumerate(_lines(path), 1):
        cells = tuple(cell.strip() for cell in line.split("\t"))
        where = f"{path}, line {number}"
        names = tuple(cell.casefold() for cell in cells)
        if number == 1 and names[0] == "image" and set(names) <= set(COLUMNS):
            columns = names
        elif len(cells) > len(columns):
            found.problem(f"{where}: at most {len(columns)} columns were wanted: {len(cells)}")
        elif any(cells):
            _read_row(found, path.parent, where, dict(zip(columns, cells, strict=False)))
    return found


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: a list in UTF-8 could not be read: {error}") from error
    return [line.rstrip("\r") for line in text.split("\n")]


def _read_row(found: Found, root: Path, where: str, cells: dict[str, str]) -> None:
    before = len(found.problems)
    files = {
        column: tuple(_inside(found, root, where, name.strip()) for name in cell.split(","))
        for column, cell in cells.items()
        if cell
    }
    for column, paths in files.items():
        if len(paths) > 1 and column not in _SEVERAL:
            found.problem(f"{where}: one {column} was wanted, found {len(paths)}: {cells[column]}")
    if len(found.problems) > before:
        return
    if "image" not in files:
        found.problem(f"{where}: a mask without an image")
    elif "mask" not in files:
        found.problem(f"{where}: {cells['image']}: an image without a mask (a tab stands between)")
    else:
        found.samples.append(_sample(files, cells["image"]))


def _sample(files: dict[str, tuple[Path, ...]], image: str) -> Sample:
    return Sample(
        name=posixpath.splitext(_normal(image))[0],
        image=files["image"][0],
        masks=files["mask"],
        region=files.get("region", (None,))[0],
        ignored=files.get("ignored", (None,))[0],
        second=files.get("second", ()),
    )


def _normal(name: str) -> str:
    return posixpath.normpath(name.replace("\\", "/"))


def _inside(found: Found, root: Path, where: str, name: str) -> Path:
    """The file `name` in `root`; what leaves the folder or is not there is a problem.

    NOTE: links are followed: who may place a link in the folder may as well place a file.
    """
    relative = _normal(name)
    path = root / relative
    if relative.startswith("/") or ".." in relative.split("/") or ":" in relative[1:2]:
        found.problem(f"{where}: {name}: leads out of the folder {root}")
    elif not _is_file(path):
        found.problem(f"{where}: {name}: no such file")
    return path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # longer than a name can be
        return False
