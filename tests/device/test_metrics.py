"""Laws of the scores: against closed formulas and scikit-learn, with ignored pixels and classes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as sklearn

from ccnet_edge.device.metrics import IGNORE, ScoreCounter
from ccnet_edge.errors import DataError

TWO = ("background", "vessel")
THREE = ("background", "nucleus", "membrane")


def noisy(
    seed: int, *, classes: int, size: int = 48
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Labels and probabilities that tend towards them."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=(size, size)).astype(np.uint8)
    logits = rng.normal(size=(classes, size, size)) + 1.5 * (
        labels == np.arange(classes)[:, None, None]
    )
    powers = np.exp(logits)
    return labels, (powers / powers.sum(axis=0)).astype(np.float32)


def counted(labels: NDArray[np.uint8], p: NDArray[np.float32]) -> ScoreCounter:
    counter = ScoreCounter(TWO if len(p) == 2 else THREE)
    counter.add(labels, p)
    return counter


def test_scores_of_counts_worked_by_hand() -> None:
    # 3 hits, 1 missed, 2 false, 4 rightly background.
    truth = np.array([[1, 1, 1, 1, 0, 0, 0, 0, 0, 0]], np.uint8)
    predicted = np.array([[1, 1, 1, 0, 1, 1, 0, 0, 0, 0]], np.uint8)
    counter = ScoreCounter(TWO)
    counter.add_labels(truth, predicted)
    scores = counter.scores()
    assert scores.pixels == 10
    assert scores.f1 == pytest.approx(6 / 9)
    assert scores.jaccard == pytest.approx(3 / 6)
    assert scores.iu == pytest.approx((3 / 6 + 4 / 7) / 2)
    assert scores.sensitivity == pytest.approx(3 / 4)
    assert scores.specificity == pytest.approx(4 / 6)
    assert scores.accuracy == pytest.approx(7 / 10)
    assert scores.auc is None


@pytest.mark.parametrize("classes", [2, 3])
def test_scores_are_scikit_learns(classes: int) -> None:
    labels, p = noisy(1, classes=classes)
    scores = counted(labels, p).scores()
    truth, predicted = labels.ravel(), p.argmax(axis=0).ravel()
    foreground = list(range(1, classes))
    assert scores.f1 == pytest.approx(
        sklearn.f1_score(truth, predicted, labels=foreground, average="macro")
    )
    assert scores.iu == pytest.approx(sklearn.jaccard_score(truth, predicted, average="macro"))
    assert scores.jaccard == pytest.approx(
        sklearn.jaccard_score(truth, predicted, labels=foreground, average="macro")
    )
    assert scores.sensitivity == pytest.approx(
        sklearn.recall_score(truth, predicted, labels=foreground, average="macro")
    )
    assert scores.accuracy == pytest.approx(sklearn.accuracy_score(truth, predicted))


@pytest.mark.parametrize("classes", [2, 3])
def test_auc_is_scikit_learns_within_its_own_bound(classes: int) -> None:
    labels, p = noisy(2, classes=classes)
    counter = counted(labels, p)
    exact = [sklearn.roc_auc_score(labels.ravel() == k, p[k].ravel()) for k in range(1, classes)]
    bound = counter.auc_error()
    assert bound < 1e-3
    for own, expected in zip(counter.scores().classes, exact, strict=True):
        assert own.auc == pytest.approx(expected, abs=bound + 1e-12)


def test_auc_tells_probabilities_apart_that_are_nearly_certain() -> None:
    rng = np.random.default_rng(3)
    labels = np.repeat(np.array([0, 1], np.uint8), 500)[None]
    # All of them below 1e-6, or within 1e-6 of one: a histogram of even bins would see ties.
    tiny = np.where(labels == 1, rng.uniform(2e-7, 9e-7, 1000), rng.uniform(1e-9, 4e-7, 1000))
    p = np.stack([1 - tiny, tiny]).astype(np.float32)
    counter = counted(labels, p)
    expected = sklearn.roc_auc_score(labels.ravel(), p[1].ravel())
    assert counter.scores().auc == pytest.approx(expected, abs=counter.auc_error() + 1e-12)
    assert counter.auc_error() < 1e-3


def test_equal_probabilities_give_an_auc_of_one_half() -> None:
    labels = np.array([[0, 1, 0, 1]], np.uint8)
    assert counted(labels, np.full((2, 1, 4), 0.5, np.float32)).scores().auc == 0.5


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1, width=32), min_size=2, max_size=60), st.randoms())
def test_auc_stays_within_its_bound_for_any_probabilities(
    values: list[float], random: object
) -> None:
    p = np.array(values, np.float32)
    labels = (np.arange(len(p)) % 2).astype(np.uint8)
    counter = ScoreCounter(TWO)
    counter.add(labels[None], np.stack([1 - p, p])[:, None])
    exact = sklearn.roc_auc_score(labels, p)
    assert counter.scores().auc == pytest.approx(exact, abs=counter.auc_error() + 1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_f1_follows_from_jaccard(seed: int) -> None:
    scores = counted(*noisy(seed, classes=2, size=8)).scores()
    assert scores.f1 is not None
    assert scores.jaccard is not None
    assert scores.f1 == pytest.approx(2 * scores.jaccard / (1 + scores.jaccard))


def test_ignored_pixels_change_nothing() -> None:
    labels, p = noisy(4, classes=2)
    seen = np.random.default_rng(5).random(labels.shape) < 0.5
    whole = ScoreCounter(TWO)
    whole.add(np.where(seen, labels, IGNORE).astype(np.uint8), p)
    only = ScoreCounter(TWO)
    only.add(labels[seen][None], p[:, seen][:, None])
    assert whole.scores() == only.scores()
    assert whole.scores().pixels == seen.sum()


def test_images_pooled_are_one_large_image() -> None:
    images = [noisy(seed, classes=3) for seed in (6, 7)]
    merged = ScoreCounter(THREE)
    for labels, p in images:
        merged.merge(counted(labels, p))
    joined = ScoreCounter(THREE)
    joined.add(
        np.concatenate([labels for labels, _ in images]),
        np.concatenate([p for _, p in images], axis=1),
    )
    assert merged.scores() == joined.scores()


def test_a_class_that_no_image_shows_has_no_score_and_does_not_pull_the_mean_down() -> None:
    labels = np.array([[0, 1, 1, 0]], np.uint8)
    counter = ScoreCounter(THREE)
    counter.add_labels(labels, labels)
    nucleus, membrane = counter.scores().classes
    assert (nucleus.f1, membrane.f1, membrane.sensitivity) == (1.0, None, None)
    assert counter.scores().f1 == 1.0


def test_nothing_counted_has_no_scores() -> None:
    scores = ScoreCounter(TWO).scores()
    assert (scores.pixels, scores.f1, scores.accuracy, scores.auc) == (0, None, None, None)


def test_what_cannot_be_counted_is_refused_with_its_shape_or_value() -> None:
    counter = ScoreCounter(TWO)
    labels = np.zeros((4, 4), np.uint8)
    with pytest.raises(DataError, match=r"shape \(2, 4, 4\) wanted, found \(2, 5, 4\)"):
        counter.add(labels, np.zeros((2, 5, 4), np.float32))
    with pytest.raises(DataError, match="not numbers"):
        counter.add(labels, np.full((2, 4, 4), np.nan, np.float32))
    with pytest.raises(DataError, match=r"labels of 2 classes wanted .* found 7"):
        counter.add_labels(labels + np.uint8(7), labels)
    with pytest.raises(DataError, match="differ in size"):
        counter.add_labels(labels, labels[:2])
    with pytest.raises(DataError, match="cannot join"):
        counter.merge(ScoreCounter(THREE))
    with pytest.raises(DataError, match="two classes"):
        ScoreCounter(("background",))
