"""Laws of segmenting files: masks of every image, no name lost, every problem collected."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ccnet_edge.device.bundle.write import write_bundle
from ccnet_edge.device.imaging.overlay import COLOURS
from ccnet_edge.device.outputs import find_images, output_names
from ccnet_edge.device.run import describe, mask_png, run_bundle
from ccnet_edge.errors import DataError, DeviceError, UsageError


def photo(path: Path, *, size: tuple[int, int] = (20, 30), value: int = 200) -> Path:
    """A dark image whose right half has `value`; `size` is height and width."""
    pixels = np.full((*size, 3), 10, np.uint8)
    pixels[:, size[1] // 2 :] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def pixels(path: Path) -> Any:
    with Image.open(path) as image:
        return np.array(image)


def test_masks_are_0_and_255_at_the_images_own_size(bundle: Path, tmp_path: Path) -> None:
    images = [photo(tmp_path / "in" / f"{i}.png", size=(20 + i, 64)) for i in range(3)]
    report = run_bundle(bundle, images, tmp_path / "out")
    for i, item in enumerate(report.images):
        assert item.mask == str(tmp_path / "out" / f"{i}.png")
        mask = pixels(Path(item.mask))
        assert mask.shape == (20 + i, 64)
        assert (mask[:, 32:] == 255).all()
        assert (mask[:, :32] == 0).all()
        assert item.foreground_share == 0.5
        assert item.overlay is None
    report.check()


def test_several_classes_are_indices_with_a_palette(
    brightest_model: Path, make_parts: Any, tmp_path: Path
) -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(image).save(tmp_path / "image.png")
    write_bundle(
        make_parts(brightest_model, image, classes=("red", "green", "blue")), tmp_path / "b"
    )
    run_bundle(tmp_path / "b", [tmp_path / "image.png"], tmp_path / "out")
    with Image.open(tmp_path / "out" / "image.png") as mask:
        assert mask.mode == "P"
        assert np.array_equal(np.array(mask), image.argmax(axis=2))
        assert mask.getpalette()[3:9] == [*COLOURS[0], *COLOURS[1]]  # type: ignore[index]


def test_a_mask_is_the_same_bytes_every_time() -> None:
    labels = np.random.default_rng(0).integers(0, 2, (50, 60), dtype=np.uint8)
    assert mask_png(labels, classes=2) == mask_png(labels, classes=2)


def test_overlays_are_written_beside_the_masks_where_asked(bundle: Path, tmp_path: Path) -> None:
    image = photo(tmp_path / "a.jpg", size=(24, 48))
    (item,) = run_bundle(bundle, [image], tmp_path / "out", overlays=True).images
    assert item.overlay == str(tmp_path / "out" / "overlays" / "a.png")
    assert pixels(Path(item.overlay)).shape == (24, 48, 3)


def test_folders_give_their_images_sorted_and_nothing_else(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", "c.tif", ".hidden.png", "notes.txt", "sub/d.png"):
        photo(tmp_path / "in" / name.replace("txt", "png"))
    (tmp_path / "in" / "notes.png").rename(tmp_path / "in" / "notes.txt")
    found = find_images([tmp_path / "in"], out=tmp_path / "out")
    assert [path.name for path in found] == ["a.JPG", "b.png", "c.tif"]


def test_an_image_that_is_given_twice_is_segmented_once(tmp_path: Path) -> None:
    image = photo(tmp_path / "in" / "a.png")
    found = find_images([image, tmp_path / "in", tmp_path / "in" / ".." / "in"], out=tmp_path)
    assert found == [image]


def test_the_masks_of_the_last_run_are_no_images(bundle: Path, tmp_path: Path) -> None:
    photo(tmp_path / "a.png")
    run_bundle(bundle, [tmp_path], tmp_path / "out", overlays=True)
    again = run_bundle(bundle, [tmp_path, tmp_path / "out"], tmp_path / "out")
    assert [item.image for item in again.images] == [str(tmp_path / "a.png")]


def test_nothing_to_segment_is_an_error_that_lists_the_kinds(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"found none in .*empty") as caught:
        run_bundle(bundle, [tmp_path / "empty"], tmp_path / "out")
    assert ".png" in caught.value.hint


def names(*paths: str) -> list[str]:
    return output_names([Path("/data") / path for path in paths])


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (("a.png", "b.tif"), ["a", "b"]),
        (("a.png", "a.tif", "b.png"), ["a.png", "a.tif", "b"]),
        (("x/a.png", "y/a.png", "y/b.png"), ["x_a.png", "y_a.png", "b"]),
        (("x/a.png", "y/a.png", "y/a.tif"), ["x_a.png", "y_a.png", "a.tif"]),
        (("1/x/a.png", "2/x/a.png"), ["1_x_a.png", "2_x_a.png"]),
        (("A.png", "a.tif"), ["A.png", "a.tif"]),
        (("A.png", "a.png", "a-2.png"), ["A", "a-3", "a-2"]),
    ],
)
def test_equal_stems_are_told_apart_by_suffix_then_folder_then_number(
    paths: tuple[str, ...], expected: list[str]
) -> None:
    assert names(*paths) == expected


parts_of_paths = st.lists(st.sampled_from(("a", "b", "a_b", "A", "a.png")), min_size=1, max_size=3)


@given(st.lists(parts_of_paths, min_size=1, max_size=12, unique_by=tuple))
def test_no_two_outputs_share_a_name_on_any_file_system(paths: Sequence[list[str]]) -> None:
    found = names(*("/".join(path) + ".png" for path in paths))
    assert len({name.casefold() for name in found}) == len(paths)
    assert not any("/" in name for name in found)


def test_a_mask_never_replaces_an_image(bundle: Path, tmp_path: Path) -> None:
    image = photo(tmp_path / "a.png")
    before = image.read_bytes()
    with pytest.raises(UsageError, match="the mask would replace the image"):
        run_bundle(bundle, [image], tmp_path)
    assert image.read_bytes() == before


def test_images_that_cannot_be_read_do_not_stop_the_others(bundle: Path, tmp_path: Path) -> None:
    photo(tmp_path / "in" / "good.png")
    (tmp_path / "in" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    photo(tmp_path / "in" / "short.jpg", size=(200, 200))
    content = (tmp_path / "in" / "short.jpg").read_bytes()
    (tmp_path / "in" / "short.jpg").write_bytes(content[: len(content) // 2])
    absent = tmp_path / "absent.png"
    report = run_bundle(bundle, [tmp_path / "in", absent], tmp_path / "out")
    assert [Path(item.image).name for item in report.images if item.problem is None] == ["good.png"]
    assert (tmp_path / "out" / "good.png").is_file()
    with pytest.raises(DataError, match="3 of 4 images could not be segmented") as caught:
        report.check()
    assert len(caught.value.problems) == 3
    for name in ("broken.png", "short.jpg", "absent.png"):
        assert name in caught.value.message
    assert "not segmented" in describe(report)


def test_channels_that_do_not_fit_are_that_images_problem(bundle: Path, tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(
        tmp_path / "five.tif", np.zeros((5, 16, 16), np.uint8), planarconfig="separate"
    )
    (item,) = run_bundle(bundle, [tmp_path / "five.tif"], tmp_path / "out").images
    assert item.problem is not None
    assert item.problem.startswith(f"{tmp_path / 'five.tif'}: ")
    assert "found 5" in item.problem


def test_a_folder_that_cannot_be_written_is_named(bundle: Path, tmp_path: Path) -> None:
    image = photo(tmp_path / "a.png")
    (tmp_path / "out").write_text("a file where the folder should be")
    with pytest.raises(DeviceError, match=r"a\.png: could not be written"):
        run_bundle(bundle, [image], tmp_path / "out")


def test_progress_names_every_image(bundle: Path, tmp_path: Path) -> None:
    images = [photo(tmp_path / f"{i}.png") for i in range(3)]
    seen: list[tuple[str, int, int, str]] = []

    def progress(stage: str, *, done: int, total: int, note: str = "") -> None:
        seen.append((stage, done, total, note))

    run_bundle(bundle, images, tmp_path / "out", progress=progress)
    assert seen == [("segment", i + 1, 3, f"{i}.png") for i in range(3)]
