"""Laws of names: natural order, and which mask belongs to which image."""

import random

from hypothesis import given
from hypothesis import strategies as st

from ccnet_edge.dataset.naming import natural_sorted, pair
from tests.dataset.making import LAW

NUMBERS = st.lists(st.integers(0, 10_000), unique=True, min_size=1, max_size=12)
WORDS = st.sampled_from(["", "img", "Case ", "slide-", "P_"])


@LAW
@given(NUMBERS, st.randoms(use_true_random=False))
def test_numbers_stand_in_the_order_of_their_value(
    numbers: list[int], shuffle: random.Random
) -> None:
    names = [f"slice_{number}_b" for number in numbers]
    shuffle.shuffle(names)
    assert natural_sorted(names) == [f"slice_{number}_b" for number in sorted(numbers)]


@LAW
@given(st.lists(st.text(st.sampled_from("aA1203_-²٣ "), max_size=6), max_size=8, unique=True))
def test_the_order_does_not_depend_on_that_of_the_files(names: list[str]) -> None:
    assert natural_sorted(names) == natural_sorted(reversed(names))


@LAW
@given(st.lists(st.text(min_size=1, max_size=5), unique=True, max_size=8))
def test_names_that_are_equal_are_pairs_whatever_they_are(names: list[str]) -> None:
    found = pair(names, names)
    assert found.matches == {name: (name,) for name in names}
    assert found.unmatched == ()


@LAW
@given(NUMBERS, WORDS, st.sampled_from(["_mask", "_manual1", "-label 2", " seg"]))
def test_an_image_gets_the_masks_that_start_with_its_words(
    numbers: list[int], word: str, end: str
) -> None:
    images = [f"{word}{number}" for number in numbers]
    found = pair(images, [image + end for image in reversed(images)])
    assert found.matches == {image: (image + end,) for image in images}


@LAW
@given(NUMBERS, st.sampled_from(["training", "rgb", "test image"]))
def test_last_words_of_the_images_may_differ_from_the_masks(numbers: list[int], end: str) -> None:
    found = pair([f"{n}_{end}" for n in numbers], [f"{n}_manual1" for n in numbers])
    assert found.matches == {f"{n}_{end}": (f"{n}_manual1",) for n in numbers}


@LAW
@given(NUMBERS)
def test_first_words_of_all_images_and_all_masks_may_differ(numbers: list[int]) -> None:
    found = pair([f"img_{n}" for n in numbers], [f"gt-{n}" for n in numbers])
    assert found.matches == {f"img_{n}": (f"gt-{n}",) for n in numbers}


def test_the_longest_name_that_fits_takes_the_mask() -> None:
    found = pair(["a", "a_b", "c"], ["a_mask", "a_b_mask", "c_mask"])
    assert found.matches == {"a": ("a_mask",), "a_b": ("a_b_mask",), "c": ("c_mask",)}


def test_a_number_is_never_left_out() -> None:
    found = pair(["img_1", "img_2"], ["img_1_mask", "img_1_2_mask", "img_2_mask"])
    assert found.matches == {"img_1": ("img_1_mask",), "img_2": ("img_2_mask",)}
    assert found.unmatched == ("img_1_2_mask",)


def test_a_word_with_a_number_in_it_is_never_left_out() -> None:
    found = pair(["p1_t1", "p2_t1"], ["p1_t2_mask", "p2_t1_mask"])
    assert found.matches == {"p1_t1": (), "p2_t1": ("p2_t1_mask",)}
    assert found.unmatched == ("p1_t2_mask",)


def test_one_mask_is_never_two_images_mask() -> None:
    found = pair(["1_left", "1_right"], ["1_mask"])
    assert found.matches == {"1_left": (), "1_right": ()}
    assert found.unmatched == ("1_mask",)
