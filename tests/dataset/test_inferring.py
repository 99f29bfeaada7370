"""Which class a mask's values mean, where they leave no doubt, and what is said where they do."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage  # type: ignore[import-untyped]

from ccnet_edge.dataset.checking import MaskFacts, euler_number
from ccnet_edge.dataset.inferring import infer_classes
from ccnet_edge.errors import DataError
from tests.dataset.making import HEIGHT, LAW, WIDTH, folders, mask, opened, save

ONE_FOREGROUND = ("background", "foreground")


def facts(
    *counts: dict[int, int], suffix: str = ".png", scattered: tuple[int, ...] = ()
) -> list[MaskFacts]:
    """Masks by their value → pixels; `scattered` values are in several pieces in the first."""
    return [
        MaskFacts(
            path=Path(f"{i}{suffix}"),
            counts=count,
            scattered=frozenset(scattered if i == 0 else ()),
        )
        for i, count in enumerate(counts)
    ]


def evenly(*values: int) -> dict[int, int]:
    return dict.fromkeys(values, 10)


@pytest.mark.parametrize("value", [1, 7, 255, 65_535])
def test_the_only_value_beside_0_is_the_foreground(value: int) -> None:
    found = infer_classes(facts(evenly(0, value), evenly(0)))
    assert found.names == ONE_FOREGROUND
    assert [found.label_of(each) for each in (0, value)] == [0, 1]


def test_values_that_mean_on_may_differ_between_masks_but_not_in_one() -> None:
    found = infer_classes(facts(evenly(0, 1), evenly(0, 255), evenly(0, 65_535)))
    assert [found.label_of(each) for each in (0, 1, 255, 65_535)] == [0, 1, 1, 1]
    with pytest.raises(DataError, match="the masks have 3 values"):
        infer_classes(facts(evenly(0, 1, 255)))


def test_lossy_black_and_white_is_split_at_128() -> None:
    soft = {0: 450, 3: 20, 127: 4, 128: 4, 250: 22, 255: 500}
    found = infer_classes(facts(soft, suffix=".jpg"))
    assert found.names == ONE_FOREGROUND
    assert [found.label_of(each) for each in (0, 127, 128, 255)] == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("soft", "suffix"),
    [
        pytest.param({0: 450, 100: 8, 255: 542}, ".png", id="not lossy"),
        pytest.param({0: 450, 100: 40, 255: 510}, ".jpg", id="too grey"),
        pytest.param({0: 450, 0x1FE0000: 200, 0x1FF0000: 350}, ".jpg", id="red"),
    ],
)
def test_other_soft_masks_are_in_doubt(soft: dict[int, int], suffix: str) -> None:
    with pytest.raises(DataError, match="3 values, and which class each means is not plain"):
        infer_classes(facts(soft, suffix=suffix))


def test_values_that_count_the_objects_of_each_mask_are_instances() -> None:
    found = infer_classes(facts(evenly(0, 1, 2, 3), evenly(0, 1), evenly(0)))
    assert found.names == ONE_FOREGROUND
    assert {found.label_of(each) for each in (1, 2, 3)} == {1}


def test_more_values_than_classes_are_instances_even_in_pieces() -> None:
    many = evenly(*range(22))
    assert infer_classes(facts(many, many)).names == ONE_FOREGROUND


@pytest.mark.parametrize(
    "counts",
    [
        pytest.param([evenly(0, 1, 2, 3)] * 3, id="as many in each"),
        pytest.param([evenly(0, 1, 2), evenly(0, 1)], id="never three"),
        pytest.param([evenly(0, 1, 2, 4), evenly(0, 1)], id="a gap"),
    ],
)
def test_values_that_may_be_instances_or_classes_are_in_doubt(
    counts: list[dict[int, int]],
) -> None:
    with pytest.raises(DataError, match="not plain"):
        infer_classes(facts(*counts))


def test_four_masks_with_the_same_values_are_of_classes() -> None:
    found = infer_classes(facts(*[evenly(0, 1, 2)] * 4))
    assert found.names == ("background", "class 1", "class 2")
    assert [found.label_of(each) for each in (0, 1, 2, 3)] == [0, 1, 2, None]


def test_values_that_are_in_several_pieces_are_classes() -> None:
    found = infer_classes(facts(evenly(0, 1, 2, 3), evenly(0, 2), scattered=(1, 2, 3)))
    assert found.names == ("background", "class 1", "class 2", "class 3")
    with pytest.raises(DataError, match="not plain"):
        infer_classes(facts(evenly(0, 1, 2, 3), evenly(0, 2), scattered=(1, 3)))


def test_masks_without_background_are_in_doubt() -> None:
    with pytest.raises(DataError, match="1 values"):
        infer_classes(facts(evenly(255)))


def test_doubt_lists_the_values_and_the_options_that_end_it(tmp_path: Path) -> None:
    folders(tmp_path, "abc", masks=mask(0))
    thirds = np.repeat(np.array([0, 7, 40, 40], np.uint8), HEIGHT // 4)[:, None]
    save(tmp_path / "masks" / "b.png", np.broadcast_to(thirds, (HEIGHT, WIDTH)).copy())
    save(tmp_path / "masks" / "c.png", mask(4, value=40))
    with pytest.raises(DataError) as caught:
        opened(tmp_path)
    assert str(caught.value).startswith(
        f"{tmp_path}: the masks have 3 values, and which class each means is not plain\n"
    )
    assert caught.value.problems == (
        "value 0: 66.67% of the pixels, in 3 of 3 masks",
        "value 7: 8.33% of the pixels, in 1 of 3 masks",
        "value 40: 25.00% of the pixels, in 2 of 3 masks",
    )
    assert caught.value.hint == (
        'give --classes "background=0,name1=7,name2=40" (or a classes.toml); or --foreground 40 '
        "for one class of one value; or --foreground any where each object has its own value"
    )


def test_doubt_is_reported_with_every_other_problem(tmp_path: Path) -> None:
    folders(tmp_path, "abcd", masks=mask(value=7))
    save(tmp_path / "masks" / "b.png", mask(value=9))
    small = save(tmp_path / "masks" / "c.png", mask()[:5])
    orphan = save(tmp_path / "masks" / "x.png", mask())
    with pytest.raises(DataError, match="not plain; and 2 problems in the data") as caught:
        opened(tmp_path)
    assert caught.value.problems[-2:] == (
        f"{orphan}: a mask without an image",
        f"{small}: the image's 16 × 20 (height × width) was wanted, found 5 × 20",
    )


def test_of_many_values_the_most_frequent_are_listed() -> None:
    with pytest.raises(DataError) as caught:
        infer_classes(facts({0: 1000} | {value: value for value in range(50, 80)}))
    assert len(caught.value.problems) == 13
    assert caught.value.problems[-1] == "and 19 values more"
    assert caught.value.problems[1].startswith("value 69: ")


def test_colours_are_shown_as_the_option_takes_them() -> None:
    with pytest.raises(DataError) as caught:
        infer_classes(facts(evenly(0, 0x1FF0000, 0x100FF00)))
    assert 'give --classes "background=0,name1=#00ff00,name2=#ff0000"' in caught.value.hint
    assert caught.value.problems[1] == "value #00ff00: 33.33% of the pixels, in 1 of 1 masks"


@LAW
@given(st.data(), st.integers(1, 7), st.integers(1, 7))
def test_the_euler_number_is_pieces_less_holes(
    data: st.DataObject, height: int, width: int
) -> None:
    cells = st.lists(st.booleans(), min_size=height * width, max_size=height * width)
    region: NDArray[np.bool_] = np.array(data.draw(cells)).reshape(height, width)
    pieces = ndimage.label(region, structure=np.ones((3, 3)))[1]
    holes = ndimage.label(np.pad(~region, 1, constant_values=True))[1] - 1
    assert euler_number(region) == pieces - holes
