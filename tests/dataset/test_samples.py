"""Laws of sample data: the same bytes always, three degrees of complexity, masks worth finding."""

import hashlib
import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ccnet_edge.complexity import measure
from ccnet_edge.dataset import SegmentationDataset, open_dataset
from ccnet_edge.dataset.samples import SAMPLE_KINDS, write_samples
from ccnet_edge.errors import UsageError
from tests.dataset.making import names

# From the least complex to the most, by J of the whole image at the size that is the default.
BY_COMPLEXITY = ("vessels", "cells", "lesion")
KINDS = pytest.mark.parametrize("kind", SAMPLE_KINDS)


def digest(folder: Path) -> str:
    """sha256 over names and contents of all files."""
    found = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SegmentationDataset]:
    """Kind → eight images of the default size."""
    root = tmp_path_factory.mktemp("samples")
    return {
        kind: open_dataset(write_samples(root / kind, kind=kind, count=8)) for kind in SAMPLE_KINDS
    }


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders `cells`, `lesion` and `vessels` of eight images of 33 × 33 pixels, seed 5."""
    root = tmp_path_factory.mktemp("small")
    for kind in SAMPLE_KINDS:
        write_samples(root / kind, kind=kind, count=8, size=33, seed=5)
    return root


@KINDS
def test_the_same_arguments_give_the_same_bytes(small: Path, tmp_path: Path, kind: str) -> None:
    again = write_samples(tmp_path / "out", kind=kind, count=8, size=33, seed=5)
    assert again == tmp_path / "out"
    assert digest(again) == digest(small / kind)


def test_another_process_writes_the_same_bytes(small: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from ccnet_edge.dataset.samples import SAMPLE_KINDS, write_samples\n"
        "for kind in reversed(SAMPLE_KINDS):\n"
        "    write_samples(Path(sys.argv[1]) / kind, kind=kind, count=8, size=33, seed=5)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    subprocess.run(command, check=True, timeout=60)
    assert digest(tmp_path) == digest(small)


@KINDS
def test_an_image_is_the_same_for_every_count(small: Path, tmp_path: Path, kind: str) -> None:
    more = write_samples(tmp_path, kind=kind, count=11, size=33, seed=5)
    few = sorted((small / kind).glob("*/*.png"))
    assert len(few) == 2 * 8
    for path in few:
        assert path.read_bytes() == (more / path.relative_to(small / kind)).read_bytes()
    assert len(list(more.glob("images/*.png"))) == 11


@KINDS
def test_seeds_and_images_differ(small: Path, tmp_path: Path, kind: str) -> None:
    other = write_samples(tmp_path, kind=kind, count=8, size=33, seed=-1)
    paths = [path for root in (small / kind, other) for path in root.glob("images/*.png")]
    assert len({path.read_bytes() for path in paths}) == len(paths) == 2 * 8


@KINDS
def test_images_have_the_size_that_was_asked_for(small: Path, kind: str) -> None:
    dataset = open_dataset(small / kind)
    assert {dataset.load_labels(sample).shape for sample in dataset.samples} == {(33, 33)}
    assert dataset.typical_size() == (33, 33)


@KINDS
def test_every_fourth_image_is_for_the_test(
    written: dict[str, SegmentationDataset], kind: str
) -> None:
    dataset = written[kind]
    assert names(dataset.test) == [f"{kind}_004", f"{kind}_008"]
    assert len(dataset.train + dataset.validation) == 6
    assert dataset.classes == ("background", "foreground")
    assert dataset.channels == (1 if kind == "lesion" else 3)
    assert dataset.typical_size() == (128, 128)


@KINDS
def test_masks_are_neither_empty_nor_full(
    written: dict[str, SegmentationDataset], kind: str
) -> None:
    for sample in written[kind].samples:
        pixels = np.asarray(Image.open(sample.masks[0]))
        assert set(np.unique(pixels)) == {0, 255}
        assert 0.02 < np.mean(pixels == 255) < 0.5


@KINDS
def test_what_the_mask_covers_looks_different_from_the_rest(
    written: dict[str, SegmentationDataset], kind: str
) -> None:
    for sample in written[kind].samples:
        image = np.asarray(Image.open(sample.image).convert("L"), float)
        inside = np.asarray(Image.open(sample.masks[0])) == 255
        assert image[~inside].mean() > image[inside].mean() + 10


def test_kinds_differ_in_complexity_image_by_image(
    written: dict[str, SegmentationDataset],
) -> None:
    assert sorted(BY_COMPLEXITY) == sorted(SAMPLE_KINDS)
    found = [
        measure(written[kind], height=128, width=128, scales=1, workers=1) for kind in BY_COMPLEXITY
    ]
    for simple, complicated in itertools.pairwise(found):
        assert complicated.j()[0] > 1.15 * simple.j()[0]
        highest = max(image.j[0] for image in simple.per_image)
        assert min(image.j[0] for image in complicated.per_image) > highest


def test_an_unknown_kind_is_told_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cells, lesion, vessels") as caught:
        write_samples(tmp_path / "out", kind="vessel")
    assert caught.value.hint == "did you mean 'vessels'?"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("count", "size"), [(7, 128), (0, 128), (8, 31), (8, 2049), (8, -1)])
def test_a_count_or_size_that_is_not_possible_is_refused(
    tmp_path: Path, count: int, size: int
) -> None:
    with pytest.raises(UsageError, match=f"at least 8 images .* found {count} of {size}"):
        write_samples(tmp_path / "out", count=count, size=size)
    assert not (tmp_path / "out").exists()
