"""Labels of a sample from all its files, and a fingerprint that moves with any of them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ccnet_edge.dataset import IGNORE
from ccnet_edge.errors import DataError
from tests.dataset.making import folders, mask, named, noise, opened, pairs, save, table

A = ("images/a.png", "masks/a.png")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Five listed images; all their masks have the upper four rows of sixteen."""
    data = folders(tmp_path / "data", "abcde", more=np.rot90(mask(), 2))
    table(data / "train.txt", *pairs(*"abc"))
    table(data / "validation.txt", *pairs("d"))
    table(data / "test.txt", *pairs("e"))
    return data


def test_several_masks_are_united(root: Path) -> None:
    table(root / "train.txt", (A[0], "masks/a.png,more/a.png"), *pairs(*"bc"))
    dataset = opened(root)
    expected = np.zeros((16, 20), np.uint8)
    expected[:4] = expected[-4:] = 1
    assert np.array_equal(dataset.load_labels(named(dataset, "a")), expected)
    assert np.array_equal(dataset.load_labels(named(dataset, "b")), mask(value=1))


def test_where_0_is_the_foreground_the_zeros_of_several_masks_are_united(root: Path) -> None:
    table(root / "train.txt", (A[0], "masks/a.png,more/a.png"), *pairs(*"bc"))
    dataset = opened(root, foreground=0)
    assert dataset.load_labels(named(dataset, "a")).all()


def test_of_two_masks_with_different_classes_the_later_one_is_on_top(root: Path) -> None:
    save(root / "masks" / "a.png", mask(8, value=1))
    save(root / "more" / "a.png", mask(2, value=2))
    table(root / "train.txt", (A[0], "masks/a.png,more/a.png"), *pairs(*"bc"))
    dataset = opened(root, classes="background=0,cell=1+255,nucleus=2")
    labels = dataset.load_labels(named(dataset, "a"))
    assert labels[:, 0].tolist() == [2] * 2 + [1] * 6 + [0] * 8


def test_pixels_outside_the_region_do_not_count(root: Path) -> None:
    folders(root, "abcde", fov=mask(6, value=1))
    dataset = opened(root)
    for sample in dataset.samples:
        labels = dataset.load_labels(sample)
        assert labels[:, 0].tolist() == [1] * 4 + [0] * 2 + [IGNORE] * 10
        assert (labels == labels[:, :1]).all()


def test_pixels_inside_what_is_ignored_do_not_count(root: Path) -> None:
    folders(root, "abcde", ignored=mask(2, value=7))
    dataset = opened(root)
    labels = dataset.load_labels(dataset.train[0])
    assert labels[:, 0].tolist() == [IGNORE] * 2 + [1] * 2 + [0] * 12


def test_a_value_may_be_ignored_too(root: Path) -> None:
    values = mask(4)
    values[-3:] = 9
    save(root / "masks" / "a.png", values)
    dataset = opened(root, classes="background=0,cell=255,ignore=9")
    labels = dataset.load_labels(named(dataset, "a"))
    assert labels[:, 0].tolist() == [1] * 4 + [0] * 9 + [IGNORE] * 3


def test_the_second_observer_sees_the_same_region(root: Path) -> None:
    folders(root, "abcde", fov=mask(12))
    save(root / "masks_2nd" / "b.png", mask(5, value=1))
    dataset = opened(root)
    second = dataset.load_second(named(dataset, "b"))
    assert second is not None
    assert second[:, 0].tolist() == [1] * 5 + [0] * 7 + [IGNORE] * 4
    assert dataset.load_second(named(dataset, "a")) is None


def test_the_second_observers_values_have_to_be_of_a_class(root: Path) -> None:
    path = save(root / "masks_2nd" / "b.png", mask(5, value=3))
    with pytest.raises(DataError) as caught:
        opened(root, classes="background=0,cell=255")
    assert caught.value.problems == (f"{path}: values of no class were found: 3",)


def test_grey_images_among_colour_ones_are_loaded_as_colour(root: Path) -> None:
    save(root / "images" / "b.png", noise(9, 3))
    dataset = opened(root)
    assert dataset.channels == 3
    grey = dataset.load_image(named(dataset, "a"))
    assert np.array_equal(grey, np.stack([noise(0)] * 3, axis=-1))
    assert np.array_equal(dataset.load_image(named(dataset, "b")), noise(9, 3))


def append(path: Path) -> None:
    """One byte more, which no decoder looks at."""
    path.write_bytes(path.read_bytes() + b"\0")


def other_class(root: Path) -> None:
    (root / "classes.toml").write_text("[classes]\nbackground = 0\ncell = 255\n")


def other_split(root: Path) -> None:
    table(root / "train.txt", *pairs(*"abd"))
    table(root / "validation.txt", *pairs("c"))


def other_name(root: Path) -> None:
    for folder in ("images", "fov", "masks_2nd"):
        (root / folder / "a.png").rename(root / folder / "z.png")
    table(root / "train.txt", ("images/z.png", A[1]), *pairs(*"bc"))


def one_image_less(root: Path) -> None:
    table(root / "train.txt", *pairs(*"ab"))


def other_role(root: Path) -> None:
    (root / "fov").rename(root / "ignored")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda root: append(root / "images" / "a.png"), id="image"),
        pytest.param(lambda root: append(root / "masks" / "e.png"), id="mask"),
        pytest.param(lambda root: append(root / "fov" / "b.png"), id="region"),
        pytest.param(lambda root: append(root / "masks_2nd" / "c.png"), id="second"),
        other_class,
        other_split,
        other_name,
        other_role,
        one_image_less,
    ],
)
def test_the_fingerprint_moves_with(root: Path, change: Callable[[Path], None]) -> None:
    folders(root, "abcde", fov=mask(9), masks_2nd=mask(3))
    before = opened(root).fingerprint
    change(root)
    assert opened(root).fingerprint != before


def test_the_fingerprint_moves_with_an_option_that_changes_labels(root: Path) -> None:
    folders(root, "abcde", fov=mask(9))
    found = [
        opened(root).fingerprint,
        opened(root, foreground=0).fingerprint,
        opened(root, regions="none").fingerprint,
        opened(root, classes="background=0,cell=255").fingerprint,
    ]
    assert len(set(found)) == 4


def test_the_fingerprint_moves_with_the_pixels_format(root: Path) -> None:
    before = opened(root).fingerprint
    wide = noise(0).astype(np.uint16) * 257
    save(root / "images" / "a.png", wide)
    assert opened(root).fingerprint != before


def test_the_fingerprint_does_not_move_with_the_folder_or_the_lists_order(root: Path) -> None:
    before = opened(root).fingerprint
    other = root.parent / "elsewhere" / "under another name"
    shutil.copytree(root, other)
    table(other / "train.txt", ("image", "mask"), *pairs(*"cba"))
    (other / "notes.txt").write_text("not part of it")
    assert opened(other).fingerprint == before
    assert len(before) == 64
