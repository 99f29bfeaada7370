"""Laws of logits: probabilities by their formulas, classes by the largest of them."""

from __future__ import annotations

import numpy as np
import pytest

from ccnet_edge.device.imaging.labels import labels, probabilities


def logits(outputs: int, *, scale: float = 3.0) -> np.ndarray:
    rng = np.random.default_rng(outputs)
    return (scale * rng.standard_normal((outputs, 16, 24))).astype(np.float32)


def test_one_output_is_the_foregrounds_logit() -> None:
    y = logits(1)
    p = probabilities(y)
    np.testing.assert_allclose(p[1], 1 / (1 + np.exp(-y[0].astype(np.float64))), atol=1e-6)
    np.testing.assert_allclose(p.sum(axis=0), 1, atol=1e-6)


def test_several_outputs_are_one_logit_a_class() -> None:
    y = logits(5)
    p = probabilities(y)
    assert p.dtype == np.float32
    powers = np.exp(y.astype(np.float64))
    np.testing.assert_allclose(p, powers / powers.sum(axis=0), atol=1e-6)


@pytest.mark.parametrize("outputs", [1, 3])
def test_a_pixels_class_is_its_most_probable(outputs: int) -> None:
    y = logits(outputs)
    assert np.array_equal(labels(y), probabilities(y).argmax(axis=0))
    assert labels(y).dtype == np.uint8


@pytest.mark.parametrize("outputs", [1, 3])
def test_the_largest_float_overflows_nothing(outputs: int) -> None:
    y = logits(outputs)
    y[0, 0] = np.finfo(np.float32).max
    y[0, 1] = np.finfo(np.float32).min
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        p = probabilities(y[:, :1])
        probabilities(y[:1])
    np.testing.assert_allclose(p.sum(axis=0), 1, atol=1e-6)


def test_a_tie_is_background() -> None:
    assert labels(np.zeros((1, 1, 1), np.float32))[0, 0] == 0
    assert labels(np.zeros((4, 1, 1), np.float32))[0, 0] == 0
