"""The experiment over `bench --against`: an exact slowdown, counts, redrawn noise."""

import math
import time
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import against
from benchmarks.slowed import SlowedSession
from ccnet_edge.device.backends.fake import FakeSession
from ccnet_edge.spec.comparison import Verdict
from tests.bench.test_against import LAUNCH, comparison

X = np.zeros((1, 1, 4, 4), np.float32)


def kept(kind: against.Kind, verdict: Verdict, ratio: float) -> against.Kept:
    return against.Kept(kind=kind, load_average=1.5, comparison=comparison(verdict, ratio=ratio))


def computing(x: np.ndarray) -> np.ndarray:
    """Takes 20 ms of processor time."""
    end = time.thread_time() + 0.02
    while time.thread_time() < end:
        pass
    return x


def test_a_slowed_session_takes_an_exact_share_more_processor_time() -> None:
    session = SlowedSession(FakeSession(computing), 1.5)
    start = time.thread_time()
    session.run(X)
    assert time.thread_time() - start == pytest.approx(0.03, abs=0.002)


def test_counts_have_the_exact_binomial_interval() -> None:
    """None of 100: the upper bound is 1 − 0.025^(1 / 100)."""
    found = against.outcomes_of("equal", [kept("equal", "not slower", 1.0)] * 100)
    assert (found.slower.count, found.slower.of, found.slower.lower) == (0, 100, 0.0)
    assert found.slower.upper == pytest.approx(1 - 0.025**0.01)
    assert (found.not_slower.count, found.undecided.count) == (100, 0)
    assert found.launches == 800


def test_the_noise_that_is_drawn_from_is_what_no_slowdown_explains() -> None:
    launches = tuple(replace(LAUNCH, ratio=ratio) for ratio in (1.04, 1.05, 1.07))
    slowed = kept("slowed", "slower", 1.05)
    slowed = replace(slowed, comparison=replace(slowed.comparison, launches=launches))
    noise = against.centred([kept("equal", "not slower", 1.0), slowed])
    assert noise[:8] == [0.0] * 8
    assert noise[8:] == pytest.approx([math.log(1.04 / 1.05), 0.0, math.log(1.07 / 1.05)])
    drawn = {each.slowdown: each for each in against.draw([-0.005, 0.0, 0.005], draws=50)}
    assert drawn[0.0].slower == 0
    assert drawn[0.05].slower == drawn[0.1].slower == 1
    assert drawn[0.1].launches == 8
