"""The real data sets open as they are, and their labels are what their files say."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ccnet_edge.dataset import IGNORE, DatasetOptions, SegmentationDataset, open_dataset
from ccnet_edge.dataset.layout import find_samples
from ccnet_edge.dataset.splitting import take_share
from tests.dataset.making import named, names

pytestmark = pytest.mark.real_data
Open = Callable[[str], SegmentationDataset]

# Pairs for training (with validation) and for the test, channels and typical (height, width):
# the README of the data and the file headers.
SETS = {
    "busi": (36, 11, 3, None),
    "chase_db1": (20, 8, 3, (960, 999)),
    "drive": (20, 20, 3, (584, 565)),
    "isbi2012_em": (24, 6, 1, (512, 512)),
    "isic2017": (17, 5, 3, None),
    "monuseg_kumar": (7, 4, 3, (1000, 1000)),
}
# Photographs of many megapixels, which take seconds to decode.
LARGE = {"isic2017"}
NAMES = [pytest.param(n, marks=[pytest.mark.slow] if n in LARGE else []) for n in SETS]


@pytest.fixture(scope="module")
def real(real_data: Callable[[str], Path]) -> Open:
    """A real data set by name, opened once."""
    found: dict[str, SegmentationDataset] = {}

    def opened(name: str) -> SegmentationDataset:
        if name not in found:
            found[name] = open_dataset(real_data(name))
        return found[name]

    return opened


def pixels(path: Path) -> NDArray[np.uint8]:
    """A file's samples as Pillow gives them, 1 bit as 0 and 1."""
    with Image.open(path) as image:
        return np.asarray(image).astype(np.uint8)


@pytest.mark.parametrize("name", NAMES)
def test_a_real_set_opens_as_it_is(real: Open, name: str) -> None:
    train, test, channels, size = SETS[name]
    dataset = real(name)
    assert dataset.name == name
    assert (len(dataset.train + dataset.validation), len(dataset.test)) == (train, test)
    assert len(dataset.validation) == round(0.15 * train)
    assert dataset.classes == ("background", "foreground")
    assert (dataset.channels, dataset.maximum) == (channels, 255)
    assert dataset.skipped == ()
    assert size is None or dataset.typical_size() == size


@pytest.mark.parametrize("name", NAMES)
def test_the_test_split_is_the_one_that_is_listed(real: Open, name: str) -> None:
    dataset = real(name)
    lines = (dataset.root / "test.txt").read_text().splitlines()
    listed = {dataset.root / line.split("\t")[0] for line in lines}
    assert {sample.image for sample in dataset.test} == listed


@pytest.mark.parametrize("name", NAMES)
def test_labels_are_where_the_mask_is_not_0(real: Open, name: str) -> None:
    dataset = real(name)
    sample = dataset.train[0]
    labels, image = dataset.load_labels(sample), dataset.load_image(sample)
    counted = labels != IGNORE
    inside = pixels(sample.masks[0]) > 0
    assert np.array_equal(labels[counted], inside[counted])
    assert image.shape == (*labels.shape, dataset.channels)
    assert 0.005 < np.mean(labels[counted]) < 0.9


def test_slices_are_in_natural_order(real: Open) -> None:
    assert names(real("isbi2012_em").test) == ["24", "25", "26", "27", "28", "29"]
    trained = [int(name) for name in names(real("isbi2012_em").train)]
    assert trained == sorted(trained)


def test_drive_has_a_region_everywhere_and_a_second_observer_in_the_test(real: Open) -> None:
    dataset = real("drive")
    assert all(sample.region is not None for sample in dataset.samples)
    assert [len(sample.second) for sample in dataset.test] == [1] * 20
    assert not any(sample.second for sample in dataset.train + dataset.validation)
    sample = named(dataset, "01_test")
    assert sample.masks == (dataset.root / "masks" / "01_manual1.gif",)
    assert sample.region == dataset.root / "fov" / "01_test_mask.gif"
    outside = pixels(dataset.root / "fov" / "01_test_mask.gif") == 0
    second = dataset.load_second(sample)
    assert second is not None
    for labels in (dataset.load_labels(sample), second):
        assert np.array_equal(labels == IGNORE, outside)
    observed = pixels(dataset.root / "masks_2nd" / "01_manual2.gif") > 0
    assert np.array_equal(second[~outside], observed[~outside])


def test_membranes_are_the_foreground_where_it_is_said_to_be_0(
    real_data: Callable[[str], Path],
) -> None:
    dataset = open_dataset(real_data("isbi2012_em"), DatasetOptions(foreground=0))
    zeros, total = 0, 0
    for sample in dataset.samples:
        mask = pixels(sample.masks[0])
        labels = dataset.load_labels(sample)
        assert np.array_equal(labels, mask == 0)
        zeros, total = zeros + int((mask == 0).sum()), total + mask.size
    # 78 % of the pixels are inside of cells.
    assert zeros / total == pytest.approx(0.22, abs=0.005)


def test_the_image_with_two_lesions_has_both(real: Open) -> None:
    dataset = real("busi")
    sample = named(dataset, "benign (25)")
    files = ["benign (25)_mask.png", "benign (25)_mask_1.png"]
    assert [path.name for path in sample.masks] == files
    first, second = (pixels(dataset.root / "masks" / name) > 0 for name in files)
    assert first.any()
    assert second.any()
    assert np.array_equal(dataset.load_labels(sample), first | second)
    assert sum(len(sample.masks) for sample in dataset.samples) == 48


def test_chase_has_a_second_observer_everywhere(real: Open) -> None:
    dataset = real("chase_db1")
    assert all(len(sample.second) == 1 for sample in dataset.samples)
    sample = named(dataset, "Image_11L")
    assert sample.second == (dataset.root / "masks_2nd" / "Image_11L_2ndHO.png",)
    second = dataset.load_second(sample)
    assert second is not None
    assert np.array_equal(second, pixels(sample.second[0]))


def test_both_eyes_of_a_child_stay_in_one_split(real: Open) -> None:
    samples = real("chase_db1").samples
    for part in take_share(samples, share=0.3, seed=0, group_by=r"Image_\d+"):
        children = [name[: len("Image_01")] for name in names(part)]
        assert {children.count(child) for child in children} == {2}


@pytest.mark.parametrize("name", NAMES)
def test_folders_without_lists_give_the_pairs_that_are_listed(
    real: Open, tmp_path: Path, name: str
) -> None:
    dataset = real(name)
    for folder in ("images", "masks"):
        (tmp_path / folder).symlink_to(dataset.root / folder)
    found = find_samples(tmp_path, DatasetOptions())
    assert found.problems == []
    assert {sample.name: [path.name for path in sample.masks] for sample in found.samples} == {
        sample.name: [path.name for path in sample.masks] for sample in dataset.samples
    }
