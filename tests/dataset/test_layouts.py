"""Where images, masks and what stands beside them are found: folders, one folder, splits."""

from pathlib import Path

import numpy as np
import pytest

from ccnet_edge.errors import DataError
from tests.dataset.making import (
    folders,
    mask,
    masks_of,
    named,
    names,
    noise,
    opened,
    save,
)


@pytest.mark.parametrize("masks", ["masks", "labels", "ground_truth", "1st_manual", "mask"])
@pytest.mark.parametrize("images", ["images", "imgs"])
def test_images_and_masks_of_one_stem_are_pairs(tmp_path: Path, images: str, masks: str) -> None:
    for i, name in enumerate("abc"):
        save(tmp_path / images / f"{name}.bmp", noise(i))
        save(tmp_path / masks / f"{name}.png", mask())
    expected = {f"{images}/{name}.bmp": [f"{masks}/{name}.png"] for name in "abc"}
    assert masks_of(opened(tmp_path)) == expected


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("{}_training.tif", "{}_manual1.gif"),
        ("Image_{:02}L.jpg", "Image_{:02}L_1stHO.png"),
        ("ISIC_{:07}.jpg", "ISIC_{:07}_segmentation.png"),
        ("benign ({}).png", "benign ({})_mask.png"),
        ("img_{}.png", "gt_{}.png"),
        ("IMG{}.PNG", "img{}_Mask.png"),
        ("patient/{}.png", "patient/{}.png"),
    ],
)
def test_masks_with_other_names_are_found_by_their_words(
    tmp_path: Path, image: str, label: str
) -> None:
    numbers = (1, 2, 10, 21)
    for number in numbers:
        save(tmp_path / "images" / image.format(number), noise(number))
        save(tmp_path / "masks" / label.format(number), mask())
    expected = {f"images/{image.format(n)}": [f"masks/{label.format(n)}"] for n in numbers}
    assert masks_of(opened(tmp_path)) == expected


def test_several_masks_of_an_image_are_all_its_masks(tmp_path: Path) -> None:
    for name in ("benign (2)", "benign (25)", "benign (3)"):
        save(tmp_path / "images" / f"{name}.png", noise())
        save(tmp_path / "masks" / f"{name}_mask.png", mask())
    save(tmp_path / "masks" / "benign (25)_mask_1.png", mask())
    found = masks_of(opened(tmp_path))
    assert found["images/benign (25).png"] == [
        "masks/benign (25)_mask.png",
        "masks/benign (25)_mask_1.png",
    ]
    assert found["images/benign (2).png"] == ["masks/benign (2)_mask.png"]


def test_images_and_masks_may_be_in_one_folder(tmp_path: Path) -> None:
    for i, name in enumerate("abc"):
        save(tmp_path / f"{name}.png", noise(i))
        save(tmp_path / f"{name}_mask.png", mask())
    assert masks_of(opened(tmp_path)) == {f"{n}.png": [f"{n}_mask.png"] for n in "abc"}


def test_what_stands_beside_images_of_one_folder_is_not_among_them(tmp_path: Path) -> None:
    for i, name in enumerate("abc"):
        save(tmp_path / f"{name}.png", noise(i))
        save(tmp_path / f"{name}_mask.png", mask())
        for folder in ("fov", "ignored", "masks_2nd"):
            save(tmp_path / folder / f"{name}_mask.png", mask())
    sample = named(opened(tmp_path), "a")
    assert sample.masks == (tmp_path / "a_mask.png",)
    assert sample.region == tmp_path / "fov" / "a_mask.png"
    assert sample.ignored == tmp_path / "ignored" / "a_mask.png"
    assert sample.second == (tmp_path / "masks_2nd" / "a_mask.png",)


@pytest.mark.parametrize(("train", "test"), [("train", "test"), ("training", "testing")])
def test_folders_of_splits_are_the_splits(tmp_path: Path, train: str, test: str) -> None:
    folders(tmp_path / train, "abcd")
    folders(tmp_path / test, "ab")
    dataset = opened(tmp_path)
    assert names(dataset.test) == [f"{test}/a", f"{test}/b"]
    assert sorted(names(dataset.train + dataset.validation)) == [f"{train}/{n}" for n in "abcd"]
    assert dataset.test[0].image == tmp_path / test / "images" / "a.png"


@pytest.mark.parametrize("validation", ["validation", "val", "valid"])
def test_a_folder_of_validation_images_is_the_validation_split(
    tmp_path: Path, validation: str
) -> None:
    for split, letters in {"train": "abc", validation: "de", "test": "f"}.items():
        folders(tmp_path / split, letters)
    dataset = opened(tmp_path)
    assert names(dataset.train) == ["train/a", "train/b", "train/c"]
    assert names(dataset.validation) == [f"{validation}/d", f"{validation}/e"]
    assert names(dataset.test) == ["test/f"]


def test_a_split_may_hold_images_and_masks_in_one_folder(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for name in "abc":
            save(tmp_path / split / f"{name}.png", noise())
            save(tmp_path / split / f"{name}_seg.png", mask())
    assert masks_of(opened(tmp_path))["test/b.png"] == ["test/b_seg.png"]


def test_splits_have_their_own_folders_beside(tmp_path: Path) -> None:
    folders(tmp_path / "train", "abc", fov=mask(8))
    folders(tmp_path / "test", "a")
    dataset = opened(tmp_path)
    assert named(dataset, "train/b").region == tmp_path / "train" / "fov" / "b.png"
    assert named(dataset, "test/a").region is None


@pytest.mark.parametrize("region", ["fov", "regions", "roi"])
@pytest.mark.parametrize("second", ["masks_2nd", "2nd_manual"])
@pytest.mark.parametrize("ignored", ["ignore", "borders"])
def test_folders_beside_are_found(tmp_path: Path, region: str, second: str, ignored: str) -> None:
    folders(tmp_path, "abc", **{region: mask(8), second: mask(3), ignored: mask(1)})
    for sample in opened(tmp_path).samples:
        assert sample.region == tmp_path / region / f"{sample.name}.png"
        assert sample.ignored == tmp_path / ignored / f"{sample.name}.png"
        assert sample.second == (tmp_path / second / f"{sample.name}.png",)


def test_none_leaves_a_folder_beside_alone(tmp_path: Path) -> None:
    folders(tmp_path, "abc", fov=mask(8), masks_2nd=mask(3), ignored=mask(1))
    for sample in opened(tmp_path, regions="none", second="none", ignored="none").samples:
        assert (sample.region, sample.ignored, sample.second) == (None, None, ())


def test_an_option_names_a_folder_in_the_data_set_or_anywhere(tmp_path: Path) -> None:
    root = folders(tmp_path / "data", "abc", fov=mask(8), centre=mask(2))
    assert named(opened(root, regions="centre"), "a").region == root / "centre" / "a.png"
    elsewhere = tmp_path / "elsewhere"
    for name in "abc":
        save(elsewhere / f"{name}.png", mask(1))
    found = opened(root, regions=str(elsewhere))
    assert named(found, "a").region == elsewhere / "a.png"


def test_an_option_that_names_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^--regions nowhere: no such folder in "):
        opened(folders(tmp_path), regions="nowhere")


def test_the_second_observer_need_not_have_seen_every_image(tmp_path: Path) -> None:
    folders(tmp_path, "abc")
    save(tmp_path / "masks_2nd" / "b.png", mask(2))
    dataset = opened(tmp_path)
    assert [bool(named(dataset, name).second) for name in "abc"] == [False, True, False]


def test_images_are_in_natural_order(tmp_path: Path) -> None:
    numbers = [0, 1, 2, 3, 9, 10, 11, 20, 100, 101]
    for split in ("train", "test"):
        folders(tmp_path / split, map(str, numbers))
    dataset = opened(tmp_path)
    assert names(dataset.test) == [f"test/{number}" for number in numbers]
    trained = [int(name.removeprefix("train/")) for name in names(dataset.train)]
    assert trained == sorted(trained)


def test_hidden_files_and_notes_are_left_alone(tmp_path: Path) -> None:
    folders(tmp_path, "abc")
    for name in ("._a.png", ".DS_Store", ".cache/b.png", "notes.txt", "README.md", "Thumbs.db"):
        path = tmp_path / "images" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"no image")
    dataset = opened(tmp_path)
    assert sorted(names(dataset.samples)) == ["a", "b", "c"]
    assert dataset.skipped == ()


def test_the_name_is_that_of_the_folder_and_the_size_the_training_images_median(
    tmp_path: Path,
) -> None:
    root = tmp_path / "embryo"
    for i, (height, width) in enumerate([(8, 40), (10, 30), (30, 20)]):
        save(root / "train" / f"{i}.png", np.zeros((height, width), np.uint8))
        save(root / "train" / f"{i}_mask.png", np.eye(height, width, dtype=np.uint8))
    for split in ("validation", "test"):
        save(root / split / "0.png", np.zeros((90, 90), np.uint8))
        save(root / split / "0_mask.png", np.eye(90, dtype=np.uint8))
    dataset = opened(root)
    assert dataset.name == "embryo"
    assert dataset.typical_size() == (10, 30)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a folder with images and masks was wanted, found none"):
        opened(tmp_path / "nowhere")


def test_a_folder_without_any_pair_is_told_the_layouts(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", noise())
    with pytest.raises(DataError, match="no image with a mask was found") as caught:
        opened(tmp_path)
    assert caught.value.problems == (f"{path}: an image without a mask",)
    assert "train.txt with test.txt, or images/ with masks/" in caught.value.hint
