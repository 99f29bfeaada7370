"""Classes that a person gives: on the command line, in `classes.toml`, as a foreground."""

from pathlib import Path

import numpy as np
import pytest

from ccnet_edge.dataset import IGNORE, DatasetOptions
from ccnet_edge.dataset.classes import (
    ClassMap,
    foreground_classes,
    load_classes,
    parse_classes,
    show_value,
)
from ccnet_edge.errors import ConfigError, DataError, UsageError
from tests.dataset.making import folders, mask, noise, opened, save, table


def labels_of(classes: ClassMap, *values: int) -> list[int | None]:
    return [classes.label_of(value) for value in values]


def test_labels_are_the_places_of_the_names() -> None:
    found = parse_classes("background=0,nucleus=1,membrane=2")
    assert found.names == ("background", "nucleus", "membrane")
    assert labels_of(found, 0, 1, 2, 3) == [0, 1, 2, None]


def test_background_comes_first_wherever_it_stands() -> None:
    found = parse_classes(" nucleus = 1 , background = 5 ")
    assert found.names == ("background", "nucleus")
    assert labels_of(found, 5, 1) == [0, 1]
    assert parse_classes("sky=3,sea=9").names == ("sky", "sea")


def test_a_class_may_have_several_values_and_ranges() -> None:
    found = parse_classes("background=0+10,cell=1+3,membrane=4-9")
    assert labels_of(found, 0, 10, 1, 3, 4, 6, 9, 2) == [0, 0, 1, 1, 2, 2, 2, None]


def test_ignore_is_no_class() -> None:
    found = parse_classes("background=0,ignore=255,cell=1")
    assert found.names == ("background", "cell")
    assert labels_of(found, 0, 1, 255) == [0, 1, IGNORE]


def test_colours_are_told_from_greys(tmp_path: Path) -> None:
    found = parse_classes("background=#000000,artery=#ff0000,vein=#0000FF,bright=#ffffff")
    colours = np.array([[(0, 0, 0), (255, 0, 0), (0, 0, 255), (255, 255, 255)]], np.uint8)
    for name in "abc":
        save(tmp_path / "images" / f"{name}.png", colours)
        save(tmp_path / "masks" / f"{name}.png", colours)
    dataset = opened(tmp_path, classes="background=#000000,artery=#ff0000,vein=#0000FF,bright=255")
    assert dataset.load_labels(dataset.train[0]).tolist() == [[0, 1, 2, 3]]
    assert labels_of(found, 255) == [3]


@pytest.mark.parametrize(("value", "shown"), [(7, "7"), (0x100FF0A, "#00ff0a"), (65_535, "65535")])
def test_values_are_shown_as_they_are_given(value: int, shown: str) -> None:
    assert show_value(value) == shown
    assert parse_classes(f"a=0,b={shown}").label_of(value) == 1


@pytest.mark.parametrize(
    ("values", "inside", "outside"),
    [
        (0, [0], [1, 255]),
        ("0", [0], [1, 255]),
        ("1,2", [1, 2], [0, 3, 255]),
        ("128-255", [128, 200, 255], [0, 127]),
        (" 1 - 3 , 9 ", [1, 2, 3, 9], [0, 4]),
        ("any", [1, 2, 65_535, 0x1FF0000], [0]),
        ("#ff0000", [0x1FF0000], [0, 255, 0x10000FF]),
    ],
)
def test_a_foreground_is_one_class_and_every_other_value_background(
    values: str | int, inside: list[int], outside: list[int]
) -> None:
    found = foreground_classes(values)
    assert found.names == ("background", "foreground")
    assert set(labels_of(found, *inside)) == {1}
    assert set(labels_of(found, *outside)) == {0}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
def test_labels_of_a_mask_are_those_of_its_values(dtype: type[np.generic]) -> None:
    values = (noise(1) % 5).astype(dtype)
    found = parse_classes("a=0,b=1+4,c=2,ignore=3").labels(values)
    assert found.dtype == np.uint8
    expected = np.select([values == 0, values == 2, values == 3], [0, 2, IGNORE], 1)
    assert np.array_equal(found, expected)


def test_a_value_of_no_class_has_no_label() -> None:
    with pytest.raises(DataError, match="values that belong to no class of"):
        parse_classes("a=0,b=1").labels(mask(value=2))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nucleus", "name=value was wanted, found 'nucleus'"),
        ("a=0,", "name=value was wanted, found ''"),
        ("a=0,=1", "name=value was wanted, found '=1'"),
        ("a=0,b=", "name=value was wanted, found 'b='"),
        ("a=0,b=x", "a mask value such as 1, 3-9 or #ff0000 was wanted, found 'x'"),
        ("a=0,b=-1", "was wanted, found '-1'"),
        ("a=0,b=9-3", "was wanted, found '9-3'"),
        ("a=0,b=#ff00", "was wanted, found '#ff00'"),
        ("a=0", "2 to 254 classes were wanted, found 1"),
        ("a=0,ignore=1", "2 to 254 classes were wanted, found 1"),
        ("a=0,b=1,c=1", "value 1 was given to two classes"),
        ("a=0-9,b=5-6,c=20", "value 5 was given to two classes"),
        ("a=#ff0000,b=#ff0000", "value #ff0000 was given to two classes"),
        ("a=0,b=1,a=2", "class 'a' was given twice"),
    ],
)
def test_classes_that_cannot_be_read_are_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_classes(text)
    assert caught.value.message.startswith("--classes: ")
    assert message in caught.value.message


@pytest.mark.parametrize("values", ["x", "-1", "1,,2", "", "any,1", "2-1"])
def test_a_foreground_that_cannot_be_read_is_refused(values: str) -> None:
    with pytest.raises(ConfigError, match="--foreground: a mask value such as"):
        foreground_classes(values)


def test_254_classes_are_possible_and_no_more() -> None:
    text = [f"c{i}={i}" for i in range(255)]
    assert parse_classes(",".join(text[:254])).label_of(253) == 253
    with pytest.raises(ConfigError, match="found 255"):
        parse_classes(",".join(text))


def test_a_foreground_and_classes_together_are_refused() -> None:
    with pytest.raises(UsageError, match="both a foreground value and classes"):
        DatasetOptions(foreground=0, classes="a=0,b=1")


TOML = '[classes]\nmembrane = ["4-9", 2]\nbackground = 0\nbright = "#ffffff"\n'


def test_a_toml_file_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "any.toml"
    path.write_text(TOML)
    assert load_classes(path) == parse_classes("membrane=4-9+2,background=0,bright=255")


def test_classes_toml_in_the_folder_is_read_and_options_go_before_it(tmp_path: Path) -> None:
    folders(tmp_path, masks=mask(value=2))
    (tmp_path / "classes.toml").write_text(TOML)
    assert opened(tmp_path).classes == ("background", "membrane", "bright")
    assert opened(tmp_path, classes="a=0,b=2").classes == ("a", "b")
    assert opened(tmp_path, foreground="any").classes == ("background", "foreground")
    other = tmp_path / "other.toml"
    other.write_text("[classes]\nnothing = 0\ncell = 2\n")
    assert opened(tmp_path, classes=str(other)).classes == ("nothing", "cell")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[classes", "could not be read as TOML"),
        ("background = 0", r"a table \[classes\] was wanted"),
        ("classes = 3", r"a table \[classes\] was wanted"),
        ("[classes]\na = 0\nb = 1.5", "classes.b: a value was wanted, found 1.5"),
        ("[classes]\na = 0\nb = true", "classes.b: a value was wanted, found True"),
        ("[classes]\na = 0\nb = [1, [2]]", r"classes.b: a value was wanted, found \[2\]"),
        ("[classes]\na = 0\nb = -1", "a mask value such as 1, 3-9 or #ff0000 was wanted"),
        ("[classes]\na = 0", "2 to 254 classes were wanted, found 1"),
        ("[classes]\na = 0\nb = 0", "value 0 was given to two classes"),
    ],
)
def test_a_toml_file_that_cannot_be_read_is_refused_with_its_path(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "classes.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_classes(path)
    assert caught.value.message.startswith(f"{path}: ")


def test_a_toml_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: could not be read"):
        opened(folders(tmp_path), classes="nowhere.toml")


def test_values_of_no_class_are_reported_with_their_mask(tmp_path: Path) -> None:
    folders(tmp_path, "abc")
    table(tmp_path / "train.txt", *((f"images/{n}.png", f"masks/{n}.png") for n in "abc"))
    values = noise() % 12
    values[0, 0] = 255
    path = save(tmp_path / "masks" / "b.png", values)
    with pytest.raises(DataError) as caught:
        opened(tmp_path, classes="background=0,cell=255,ignore=3")
    shown = "1, 2, 4, 5, 6, 7, 8, 9"
    assert caught.value.problems == (f"{path}: values of no class were found: {shown}",)
