"""`train.txt` and its like: what a line may say, and what is wrong with one."""

from pathlib import Path

import pytest

from ccnet_edge.errors import DataError
from tests.dataset.making import folders, mask, named, names, opened, pairs, save, table

ROWS = pairs(*"abc")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Six images, of which `a` to `c` are listed for training and `d` for the test."""
    data = folders(tmp_path / "data", "abcdef", fov2=mask(8), other=mask(2))
    table(data / "train.txt", *ROWS)
    table(data / "test.txt", *pairs("d"))
    return data


def problems_of(root: Path) -> list[str]:
    """What is wrong, without the list's path."""
    with pytest.raises(DataError) as caught:
        opened(root)
    return [text.removeprefix(f"{root / 'train.txt'}, ") for text in caught.value.problems]


def test_lists_are_the_splits_and_other_files_are_left_alone(root: Path) -> None:
    dataset = opened(root)
    assert sorted(names(dataset.train + dataset.validation)) == ["a", "b", "c"]
    assert names(dataset.test) == ["d"]


@pytest.mark.parametrize("name", ["validation.txt", "val.txt", "valid.txt"])
def test_a_list_of_validation_images_is_the_validation_split(root: Path, name: str) -> None:
    table(root / name, *pairs("f", "e"))
    dataset = opened(root)
    assert names(dataset.validation) == ["e", "f"]
    assert names(dataset.train) == ["a", "b", "c"]


def test_masks_are_separated_by_commas(root: Path) -> None:
    table(root / "train.txt", ("images/a.png", "masks/a.png, other/a.png"), *ROWS[1:])
    masks = named(opened(root), "a").masks
    assert masks == (root / "masks" / "a.png", root / "other" / "a.png")


def test_columns_after_the_mask_are_region_second_and_ignored(root: Path) -> None:
    more = ("fov2/a.png", "other/a.png,other/b.png", "other/c.png")
    table(root / "train.txt", (*ROWS[0], *more), *ROWS[1:])
    sample = named(opened(root), "a")
    assert sample.region == root / "fov2" / "a.png"
    assert sample.second == (root / "other" / "a.png", root / "other" / "b.png")
    assert sample.ignored == root / "other" / "c.png"
    assert sample.files[0] == sample.image
    assert len(sample.files) == 6


def test_a_cell_may_be_empty(root: Path) -> None:
    table(root / "train.txt", (*ROWS[0], "", "other/a.png"), *ROWS[1:])
    sample = named(opened(root), "a")
    assert (sample.region, sample.second) == (None, (root / "other" / "a.png",))


@pytest.mark.parametrize(
    "header", [("image", "second", "mask"), ("Image", "Second", "MASK")], ids=["lower", "any case"]
)
def test_a_header_says_which_columns_there_are(root: Path, header: tuple[str, ...]) -> None:
    table(root / "train.txt", header, *((i, "other/a.png", m) for i, m in ROWS))
    sample = named(opened(root), "b")
    assert sample.masks == (root / "masks" / "b.png",)
    assert sample.second == (root / "other" / "a.png",)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "mark"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("header", [b"", b"image\tmask\n"], ids=["none", "header"])
def test_line_ends_and_byte_order_marks_do_not_matter(
    root: Path, mark: bytes, end: bytes, header: bytes
) -> None:
    plain = opened(root).fingerprint
    lines = (header + (root / "train.txt").read_bytes()).splitlines()
    (root / "train.txt").write_bytes(mark + end.join([*lines, b"", b""]))
    assert opened(root).fingerprint == plain


def test_windows_separators_and_detours_inside_the_folder_are_read(root: Path) -> None:
    row = ("images\\a.png", "./masks/../masks/a.png")
    table(root / "train.txt", row, *ROWS[1:])
    sample = named(opened(root), "a")
    assert sample.files == (root / "images" / "a.png", root / "masks" / "a.png")


def test_a_listed_region_goes_before_the_folder_beside(root: Path) -> None:
    for name in "abcd":
        save(root / "fov" / f"{name}.png", mask(9))
    table(root / "train.txt", *((*row, "fov2/a.png") for row in ROWS))
    dataset = opened(root)
    assert named(dataset, "b").region == root / "fov2" / "a.png"
    assert named(dataset, "d").region == root / "fov" / "d.png"
    assert named(opened(root, regions="none"), "b").region is None


@pytest.mark.parametrize(
    "name", ["../secret.png", "/etc/passwd", "images/../../secret.png", "C:\\secret.png", "..\\s"]
)
def test_a_path_that_leads_out_of_the_folder_is_never_opened(root: Path, name: str) -> None:
    save(root.parent / "secret.png", mask())
    table(root / "train.txt", (name, "masks/a.png"), *ROWS[1:])
    assert problems_of(root) == [f"line 1: {name}: leads out of the folder {root}"]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("images/x.png\tmasks/a.png", "images/x.png: no such file"),
        ("images/a.png\tmasks/a.png,masks/x.png", "masks/x.png: no such file"),
        ("images\tmasks/a.png", "images: no such file"),
        ("n" * 300 + "\tmasks/a.png", "n" * 300 + ": no such file"),
        (
            "images/a.png",
            "images/a.png: an image without a mask (a tab stands between)",
        ),
        ("\tmasks/a.png", "a mask without an image"),
        ("1\t2\t3\t4\t5\t6", "at most 5 columns were wanted: 6"),
        (
            "images/a.png,images/e.png\tmasks/a.png",
            "one image was wanted, found 2: images/a.png,images/e.png",
        ),
        (
            "images/a.png\tmasks/a.png\tfov2/a.png,fov2/b.png",
            "one region was wanted, found 2: fov2/a.png,fov2/b.png",
        ),
    ],
)
def test_a_line_that_cannot_be_used_is_reported_with_its_number(
    root: Path, row: str, problem: str
) -> None:
    table(root / "train.txt", ("images/b.png", "masks/b.png"), (row,), *pairs("c", "e"))
    assert problems_of(root) == [f"line 2: {problem}"]


def test_an_image_that_is_listed_for_training_and_test_is_reported(root: Path) -> None:
    table(root / "test.txt", *pairs("d", "b"))
    path = root / "images" / "b.png"
    assert problems_of(root) == [f"two images with one name 'b': {path} in train, {path} in test"]


def test_a_list_that_is_no_utf_8_is_refused(root: Path) -> None:
    text = (root / "train.txt").read_text()
    (root / "train.txt").write_bytes(text.encode("utf-16"))
    with pytest.raises(DataError, match=r"train\.txt: a list in UTF-8 could not be read"):
        opened(root)


def test_a_test_list_alone_is_refused(root: Path) -> None:
    (root / "train.txt").unlink()
    with pytest.raises(DataError, match=r"train\.txt was wanted beside test\.txt") as caught:
        opened(root)
    assert caught.value.hint.startswith("list the training images too")
