"""A palette's indices are classes, except where it says no more than black and white."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ccnet_edge.device.imaging.read import read_image, read_mask
from tests.dataset.making import HEIGHT, WIDTH, folders, mask, named, opened, save, save_palette

BLACK, GREY, WHITE, YELLOW = (0, 0, 0), (128, 128, 128), (255, 255, 255), (255, 255, 0)


@pytest.mark.parametrize("suffix", ["png", "gif"])
@pytest.mark.parametrize(
    ("indices", "colours", "expected"),
    [
        pytest.param(mask(value=1), [BLACK, WHITE], mask(value=1), id="black first"),
        pytest.param(1 - mask(value=1), [WHITE, BLACK], mask(value=1), id="white first"),
        pytest.param(mask(0) + 1, [WHITE, BLACK], mask(0), id="all black"),
        pytest.param(mask(0), [WHITE, BLACK], mask(0) + 1, id="all white"),
    ],
)
def test_white_is_1_in_a_palette_of_black_and_white(
    tmp_path: Path,
    suffix: str,
    indices: NDArray[Any],
    colours: list[tuple[int, int, int]],
    expected: NDArray[Any],
) -> None:
    path = save_palette(tmp_path / f"mask.{suffix}", indices, colours)
    assert np.array_equal(read_mask(path), expected)


@pytest.mark.parametrize("third", [WHITE, YELLOW])
@pytest.mark.parametrize("used", [(0, 1, 2), (0, 2), (2,)])
def test_a_classs_index_in_a_palette_does_not_depend_on_the_classes_beside_it(
    tmp_path: Path, third: tuple[int, int, int], used: tuple[int, ...]
) -> None:
    indices = np.resize(np.array(used, np.uint8), (HEIGHT, WIDTH))
    path = save_palette(tmp_path / "mask.png", indices, [BLACK, GREY, third])
    assert np.array_equal(read_mask(path), indices)


def test_a_large_palette_with_white_before_black_is_turned_round(tmp_path: Path) -> None:
    colours = [WHITE, *((i, 255 - i, i) for i in range(254)), BLACK]
    path = save_palette(tmp_path / "mask.png", 255 - mask(), colours)
    assert np.array_equal(read_mask(path), mask(value=1))


def test_blue_is_not_white(tmp_path: Path) -> None:
    pixels = np.stack([mask(0), mask(0), mask(4)], axis=-1)
    assert set(np.unique(read_mask(save(tmp_path / "mask.png", pixels)))) == {0, 0x10000FF}


def test_classes_of_a_palette_are_its_indices(tmp_path: Path) -> None:
    folders(tmp_path, "abcd")
    for name, classes in {"a": (0, 1, 2), "b": (0, 2), "c": (0, 1), "d": (0, 1, 2)}.items():
        indices = np.resize(np.array(classes, np.uint8), (HEIGHT, WIDTH))
        save_palette(tmp_path / "masks" / f"{name}.png", indices, [BLACK, GREY, WHITE])
    dataset = opened(tmp_path, classes="background=0,rim=1,middle=2")
    assert set(np.unique(dataset.load_labels(named(dataset, "b")))) == {0, 2}
    assert set(np.unique(dataset.load_labels(named(dataset, "c")))) == {0, 1}


def test_an_image_with_a_palette_has_its_colours(tmp_path: Path) -> None:
    path = save_palette(tmp_path / "image.png", mask(value=1), [GREY, YELLOW])
    found = read_image(path)
    assert found[0, 0].tolist() == list(YELLOW)
    assert found[-1, -1].tolist() == list(GREY)
