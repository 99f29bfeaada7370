"""Everything that is wrong with the files is said at once, with paths, and can be left out."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import tifffile

from ccnet_edge.errors import DataError
from tests.dataset.making import (
    folders,
    mask,
    masks_of,
    names,
    noise,
    opened,
    pairs,
    save,
    table,
)

NOT_READABLE = "not a readable PNG, JPEG, TIFF, GIF or BMP file"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Six images with masks, `a` to `f`, that nothing is wrong with."""
    return folders(tmp_path / "data")


def problems_of(root: Path, **options: object) -> tuple[str, ...]:
    with pytest.raises(DataError) as caught:
        opened(root, **options)
    for problem in caught.value.problems:
        assert problem in caught.value.message
    return caught.value.problems


def test_a_mask_of_another_size_is_reported_with_both_sizes(root: Path) -> None:
    path = save(root / "masks" / "b.png", mask()[:, :12])
    expected = f"{path}: the image's 16 × 20 (height × width) was wanted, found 16 × 12"
    assert problems_of(root) == (expected,)


@pytest.mark.parametrize("role", ["fov", "ignored", "masks_2nd"])
def test_a_file_beside_of_another_size_is_reported(root: Path, role: str) -> None:
    folders(root, **{role: mask(9)})
    path = save(root / role / "b.png", mask()[:5])
    expected = f"{path}: the image's 16 × 20 (height × width) was wanted, found 5 × 20"
    assert problems_of(root) == (expected,)


def test_an_image_without_a_mask_is_reported_with_its_path(root: Path) -> None:
    (root / "masks" / "c.png").unlink()
    assert problems_of(root) == (f"{root / 'images' / 'c.png'}: an image without a mask",)


def test_a_mask_without_an_image_is_reported_with_its_path(root: Path) -> None:
    (root / "images" / "c.png").unlink()
    assert problems_of(root) == (f"{root / 'masks' / 'c.png'}: a mask without an image",)


@pytest.mark.parametrize("role", ["fov", "ignored"])
def test_an_image_that_a_folder_beside_leaves_out_is_reported(root: Path, role: str) -> None:
    folders(root, "abcdf", **{role: mask(9)})
    image = root / "images" / "e.png"
    assert problems_of(root) == (f"{image}: no file for it in {root / role}",)


def test_a_mask_with_nothing_in_it_is_reported_and_may_be_allowed(root: Path) -> None:
    path = save(root / "masks" / "b.png", mask(0))
    assert problems_of(root) == (f"{path}: a mask with nothing in it",)
    assert len(opened(root, allow_empty=True).samples) == 6


def test_masks_that_are_all_empty_still_have_two_classes(tmp_path: Path) -> None:
    root = folders(tmp_path / "nothing", "abcdef", masks=mask(0))
    assert opened(root, allow_empty=True).classes == ("background", "foreground")


def test_what_is_nothing_depends_on_the_foreground(root: Path) -> None:
    path = save(root / "masks" / "b.png", mask(16))
    assert problems_of(root, foreground=0) == (f"{path}: a mask with nothing in it",)
    assert len(opened(root).samples) == 6


def test_one_of_several_masks_may_have_nothing_in_it(root: Path) -> None:
    save(root / "masks" / "b_more.png", mask(0))
    assert masks_of(opened(root))["images/b.png"] == ["masks/b.png", "masks/b_more.png"]


def test_two_images_with_one_name_are_reported_with_both_paths(root: Path) -> None:
    twin, first = save(root / "images" / "b.tif", noise()), root / "images" / "b.png"
    assert problems_of(root) == (f"{twin}: two images with one name: {first}",)


def test_two_masks_with_one_name_are_reported_with_both_paths(root: Path) -> None:
    twin, first = save(root / "masks" / "b.tif", mask()), root / "masks" / "b.png"
    assert problems_of(root) == (f"{twin}: two masks with one name: {first}",)


def test_twins_in_one_folder_are_reported_for_what_they_are(tmp_path: Path) -> None:
    for name in "abc":
        save(tmp_path / f"{name}.png", noise())
        save(tmp_path / f"{name}_mask.gif", mask())
    image, label = save(tmp_path / "a.tif", noise()), save(tmp_path / "b_mask.png", mask())
    assert problems_of(tmp_path) == (
        f"{image}: two images with one name: {tmp_path / 'a.png'}",
        f"{label}: two masks with one name: {tmp_path / 'b_mask.gif'}",
    )


def test_another_number_of_channels_is_reported_where_it_is_not_grey_and_colour(
    root: Path,
) -> None:
    save(root / "images" / "a.png", noise(0, 3))
    (root / "images" / "b.png").unlink()
    path = root / "images" / "b.tif"
    tifffile.imwrite(path, noise(1, 4), photometric="minisblack", planarconfig="contig")
    expected = f"{path}: 3 channels as in the other images were wanted, found 4"
    assert problems_of(root) == (expected,)
    assert opened(root, skip_bad=True).channels == 3


def everything(root: Path) -> tuple[str, ...]:
    """One of every kind of problem; `e`, `f`, `m` and `n` have none."""
    images, masks = root / "images", root / "masks"
    folders(root, "abcdefghmn")
    tiff = images / "h.tif"
    (images / "h.png").unlink()
    tifffile.imwrite(tiff, noise(1, 4), photometric="minisblack", planarconfig="contig")
    (masks / "a.png").unlink()
    (images / "b.png").unlink()
    (images / "c.webp").write_bytes(b"RIFF")
    save(images / "d.bmp", noise())
    (images / "g.png").write_bytes(b"")
    for name, pixels in {"i": mask()[:, :9], "j": mask(0), "k": mask(4, value=9)}.items():
        save(images / f"{name}.png", noise())
        save(masks / f"{name}.png", pixels)
    return (
        f"{images / 'c.webp'}: PNG, JPEG, TIFF, GIF or BMP was wanted, found 'c.webp'",
        f"{images / 'd.png'}: two images with one name: {images / 'd.bmp'}",
        f"{images / 'a.png'}: an image without a mask",
        f"{masks / 'b.png'}: a mask without an image",
        f"{images / 'g.png'}: {NOT_READABLE}",
        f"{masks / 'i.png'}: the image's 16 × 20 (height × width) was wanted, found 16 × 9",
        f"{tiff}: 1 channels as in the other images were wanted, found 4",
        f"{masks / 'j.png'}: a mask with nothing in it",
        f"{masks / 'k.png'}: values of no class were found: 9",
    )


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    expected = everything(tmp_path)
    with pytest.raises(DataError) as caught:
        opened(tmp_path, classes="background=0,cell=255")
    assert caught.value.problems == expected
    assert str(caught.value).startswith(f"{tmp_path}: 9 problems in the data\n  - ")
    assert caught.value.hint == (
        "correct them, or leave these images out with --skip-bad; --allow-empty keeps empty masks"
    )
    assert caught.value.exit_code == 2


def test_skipping_leaves_out_what_is_bad_and_says_what(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    expected = everything(tmp_path)
    with caplog.at_level(logging.WARNING):
        dataset = opened(tmp_path, classes="background=0,cell=255", skip_bad=True)
    assert dataset.skipped == expected
    # c has a whole image and mask beside the file that is not read.
    assert sorted(names(dataset.samples)) == ["c", "e", "f", "m", "n"]
    assert caplog.messages == [f"{tmp_path}: 7 images left out for 9 problems, 5 are left"]


def test_a_clean_set_says_nothing(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert opened(root, skip_bad=True).skipped == ()
    assert caplog.messages == []


def test_skipping_an_image_that_is_in_two_splits_leaves_out_both(root: Path) -> None:
    table(root / "train.txt", *pairs(*"abcd"))
    table(root / "test.txt", *pairs("d", "e"))
    dataset = opened(root, skip_bad=True)
    assert "d" not in names(dataset.samples)
    assert names(dataset.test) == ["e"]


def test_skipping_everything_is_refused_with_what_is_wrong(root: Path) -> None:
    for name in "abcdef":
        save(root / "masks" / f"{name}.png", mask(0))
    expected = tuple(f"{root / 'masks' / f'{n}.png'}: a mask with nothing in it" for n in "abcdef")
    assert problems_of(root, skip_bad=True, foreground=255) == expected
    for name in "abcdef":
        (root / "images" / f"{name}.png").write_bytes(b"")
    assert len(problems_of(root, skip_bad=True)) == 6


@pytest.mark.real_data
def test_masks_of_normal_tissue_have_nothing_in_them(
    real_data: Callable[[str], Path],
) -> None:
    root = real_data("busi") / "quirk_empty_mask"
    assert problems_of(root) == tuple(
        f"{root / f'normal ({i})_mask.png'}: a mask with nothing in it" for i in (1, 2)
    )


@pytest.mark.real_data
def test_a_second_mask_of_another_size_is_refused(real_data: Callable[[str], Path]) -> None:
    root = real_data("busi") / "quirk_mask_size_mismatch"
    size = "the image's 416 × 416 (height × width) was wanted, found 465 × 555"
    assert problems_of(root) == (f"{root / 'benign (4)_mask_1.png'}: {size}",)
