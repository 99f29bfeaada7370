"""Laws of splits: a function of names and seed, groups stay together, what is given stays."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ccnet_edge.dataset import DatasetOptions, Sample, SegmentationDataset
from ccnet_edge.dataset.splitting import take_share
from ccnet_edge.errors import DataError, UsageError
from tests.dataset.making import LAW, folders, mask, names, noise, opened, pairs, save, table

SHARES = st.floats(0.01, 0.99)
SEEDS = st.integers(0, 2**40)
LETTERS = st.characters(exclude_characters="/", codec=None)  # of names in no folder
NAMES = st.lists(st.text(LETTERS, min_size=1, max_size=4), unique=True, min_size=2, max_size=25)
GROUPS = st.lists(st.integers(1, 6), min_size=2, max_size=8)


def samples(found: Sequence[str]) -> list[Sample]:
    return [Sample(name=n, image=Path(n), masks=(Path(n),)) for n in found]


def taken(
    found: Sequence[str], share: float, seed: int = 0, group_by: str | None = None
) -> list[str]:
    """Names that are taken; the others are left, and nothing is lost or moved."""
    every = samples(found)
    first, rest = take_share(every, share=share, seed=seed, group_by=group_by)
    assert first
    assert rest
    assert sorted(first + rest, key=every.index) == every
    for part in (first, rest):
        assert list(part) == sorted(part, key=every.index)
    return names(first)


@LAW
@given(NAMES, SHARES, SEEDS)
def test_without_groups_no_number_would_be_nearer_to_the_share(
    found: list[str], share: float, seed: int
) -> None:
    count, wanted = len(taken(found, share, seed)), share * len(found)
    nearest = min(abs(other - wanted) for other in range(1, len(found)))
    assert abs(count - wanted) == pytest.approx(nearest)


@LAW
@given(NAMES, SHARES, SEEDS, st.randoms(use_true_random=False))
def test_the_order_of_the_samples_does_not_matter(
    found: list[str], share: float, seed: int, shuffle: random.Random
) -> None:
    other = shuffle.sample(found, len(found))
    assert set(taken(found, share, seed)) == set(taken(other, share, seed))


@LAW
@given(NAMES, SHARES, SHARES, SEEDS)
def test_a_larger_share_takes_what_a_smaller_one_takes(
    found: list[str], share: float, other: float, seed: int
) -> None:
    small, large = sorted((share, other))
    assert set(taken(found, small, seed)) <= set(taken(found, large, seed))


@LAW
@given(NAMES, SHARES, SHARES, SEEDS, st.data())
def test_which_of_two_images_goes_first_does_not_depend_on_the_others(
    found: list[str], share: float, other: float, seed: int, data: st.DataObject
) -> None:
    some = data.draw(st.lists(st.sampled_from(found), unique=True, min_size=2))
    first, second = set(taken(found, share, seed)), set(taken(some, other, seed))
    before = first & set(some) - second
    after = second - first
    assert not (before and after)


@LAW
@given(GROUPS, SHARES, SEEDS)
def test_a_group_is_never_split(sizes: list[int], share: float, seed: int) -> None:
    found = [f"p{group}_{i}" for group, size in enumerate(sizes) for i in range(size)]
    inside = {name.split("_")[0] for name in taken(found, share, seed, r"^p\d+")}
    outside = {n.split("_")[0] for n in set(found) - set(taken(found, share, seed, r"^p\d+"))}
    assert not inside & outside
    assert inside | outside == {f"p{group}" for group in range(len(sizes))}


@LAW
@given(st.integers(2, 12), st.integers(1, 5), SHARES, SEEDS)
def test_of_equal_groups_no_number_would_be_nearer_to_the_share(
    groups: int, size: int, share: float, seed: int
) -> None:
    found = [f"{group:02}-{i}" for group in range(groups) for i in range(size)]
    count, wanted = len(taken(found, share, seed, "2")), share * len(found)
    nearest = min(abs(other * size - wanted) for other in range(1, groups))
    assert abs(count - wanted) == pytest.approx(nearest)


@LAW
@given(NAMES, st.integers(1, 3))
def test_a_number_groups_by_so_many_leading_characters(found: list[str], length: int) -> None:
    heads = {name[:length] for name in found}
    assume(len(heads) > 1)
    inside = {name[:length] for name in taken(found, 0.4, 1, str(length))}
    outside = {name[:length] for name in set(found) - set(taken(found, 0.4, 1, str(length)))}
    assert not inside & outside


# The first four by sha256sum of "seed, zero byte, name", for the names a to j.
@pytest.mark.parametrize(("seed", "expected"), [(0, "cdef"), (1, "aehi")])
def test_the_order_is_that_of_sha256_on_every_machine(seed: int, expected: str) -> None:
    assert taken("abcdefghij", 0.4, seed) == list(expected)


def test_the_first_group_of_an_expression_is_what_is_compared() -> None:
    found = ["s1_left_p1", "s2_right_p1", "s3_left_p2", "s4_right_p2"]
    assert {name[-2:] for name in taken(found, 0.5, 0, r"s\d_\w+_(p\d)")} in ({"p1"}, {"p2"})


def test_fewer_than_two_groups_cannot_be_split() -> None:
    with pytest.raises(DataError, match="at least two images are needed for a split, found 1"):
        taken(["a"], 0.5)
    with pytest.raises(DataError, match="at least two groups are needed") as caught:
        taken(["p1_a", "p1_b"], 0.5, 0, "2")
    assert "--group-by" in caught.value.hint


def test_group_expressions_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match=r"^b: the group expression 'a' was not found"):
        taken(["a", "b"], 0.5, 0, "a")
    with pytest.raises(UsageError, match="a regular expression or a number was wanted"):
        taken(["a", "b"], 0.5, 0, "(")


@pytest.mark.parametrize("name", ["validation_share", "test_share"])
@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 15.0, float("nan")])
def test_a_share_outside_0_and_1_is_refused(name: str, share: float) -> None:
    with pytest.raises(UsageError, match=f"{name}: a share above 0 and below 1 was wanted"):
        DatasetOptions(**{name: share})  # type: ignore[arg-type]


def parts(dataset: SegmentationDataset) -> tuple[list[str], list[str], list[str]]:
    return names(dataset.train), names(dataset.validation), names(dataset.test)


@pytest.fixture(scope="module")
def forty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty images of eight patients: `p0_0` to `p7_4`."""
    root = tmp_path_factory.mktemp("forty")
    return folders(root, [f"p{patient}_{i}" for patient in range(8) for i in range(5)])


def test_a_set_without_splits_gets_the_shares_of_its_options(forty: Path) -> None:
    assert [len(part) for part in parts(opened(forty))] == [27, 5, 8]
    halves = opened(forty, test_share=0.5, validation_share=0.1)
    assert [len(part) for part in parts(halves)] == [18, 2, 20]
    assert halves.samples == halves.train + halves.validation + halves.split("test")


def test_the_seed_decides_the_splits(forty: Path) -> None:
    assert parts(opened(forty, seed=3)) == parts(opened(forty, seed=3))
    assert len({tuple(parts(opened(forty, seed=seed))[2]) for seed in range(4)}) == 4


@pytest.mark.parametrize("group_by", ["2", r"p\d", r"^(p\d)_\d$"])
def test_patients_stay_in_one_split(forty: Path, group_by: str) -> None:
    patients = [{name[:2] for name in part} for part in parts(opened(forty, group_by=group_by))]
    assert [len(part) for part in patients] == [5, 1, 2]
    assert sum(map(len, patients)) == len(set.union(*patients)) == 8


def test_the_order_of_files_on_disk_does_not_matter(
    forty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, listed = opened(forty), Path.rglob

    def backwards(path: Path, pattern: str) -> Iterator[Path]:
        yield from sorted(listed(path, pattern), reverse=True)

    monkeypatch.setattr(Path, "rglob", backwards)
    after = opened(forty)
    assert parts(after) == parts(before)
    assert after.fingerprint == before.fingerprint


def test_validation_comes_out_of_train_and_never_out_of_a_given_test(tmp_path: Path) -> None:
    folders(tmp_path, "abcdefgh")
    table(tmp_path / "train.txt", *pairs(*"abcdef"))
    table(tmp_path / "test.txt", *pairs(*"gh"))
    for seed in range(5):
        train, validation, test = parts(opened(tmp_path, seed=seed, validation_share=0.5))
        assert test == ["g", "h"]
        assert sorted(train + validation) == list("abcdef")
        assert len(validation) == 3


def test_splits_that_are_all_given_are_not_touched(tmp_path: Path) -> None:
    folders(tmp_path, "abcdefgh")
    table(tmp_path / "train.txt", *pairs("a"))
    table(tmp_path / "validation.txt", *pairs(*"bcd"))
    table(tmp_path / "test.txt", *pairs(*"efgh"))
    for seed in range(3):
        found = parts(opened(tmp_path, seed=seed, test_share=0.9))
        assert found == (["a"], ["b", "c", "d"], ["e", "f", "g", "h"])


def test_a_train_list_alone_gives_the_test_too(tmp_path: Path) -> None:
    folders(tmp_path, "abcdefgh")
    table(tmp_path / "train.txt", *pairs(*"abcde"))
    train, validation, test = parts(opened(tmp_path))
    assert sorted(train + validation + test) == list("abcde")
    assert (len(validation), len(test)) == (1, 1)


@pytest.mark.parametrize("empty", ["train", "validation", "test"])
def test_a_given_split_without_images_is_refused_not_redrawn(tmp_path: Path, empty: str) -> None:
    folders(tmp_path, "abcdef")
    for split, letters in {"train": "ab", "validation": "cd", "test": "ef"}.items():
        table(tmp_path / f"{split}.txt", *pairs(*("" if split == empty else letters)))
    with pytest.raises(DataError, match=f"at least one image for {empty} was wanted, found none"):
        opened(tmp_path)


def test_a_test_whose_images_are_all_bad_is_not_replaced_by_others(tmp_path: Path) -> None:
    folders(tmp_path, "abcdef")
    table(tmp_path / "train.txt", *pairs(*"abcd"))
    table(tmp_path / "test.txt", *pairs(*"ef"))
    nothing = [save(tmp_path / "masks" / f"{name}.png", mask(0)) for name in "ef"]
    with pytest.raises(DataError, match="at least one image for test was wanted") as caught:
        opened(tmp_path, skip_bad=True)
    assert caught.value.problems == tuple(f"{path}: a mask with nothing in it" for path in nothing)


def test_a_split_by_folders_is_a_given_split(tmp_path: Path) -> None:
    folders(tmp_path / "train", "abcdefgh")
    save(tmp_path / "test" / "a.png", noise())
    save(tmp_path / "test" / "a_mask.png", mask())
    train, validation, test = parts(opened(tmp_path, validation_share=0.25))
    assert (len(train), len(validation), test) == (6, 2, ["test/a"])


def test_a_folder_that_all_images_lie_in_is_no_part_of_their_group(tmp_path: Path) -> None:
    """With train/ and test/ as folders, the first characters are those of the images' names."""
    for split, inside in (("train", ("a1", "a2", "b1", "b2", "c1", "c2")), ("test", ("d1",))):
        for name in inside:
            save(tmp_path / split / "images" / f"{name}.png", noise())
            save(tmp_path / split / "masks" / f"{name}.png", mask())
    dataset = opened(tmp_path, group_by="1", validation_share=0.3)
    held = {sample.name.rpartition("/")[2][0] for sample in dataset.validation}
    assert len(held) == 1
    assert held.isdisjoint({sample.name.rpartition("/")[2][0] for sample in dataset.train})
