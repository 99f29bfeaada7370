"""Slopes, λ, δ and ω: the papers' printed scores again, worlds that are known, and refusals."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from ccnet_edge.degradation.fitting import fit_line, fit_omega, set_slope
from ccnet_edge.degradation.metric_fit import break_even, fit_metric
from ccnet_edge.errors import DataError
from ccnet_edge.spec.calibration import CalibrationRun, CalibrationSet
from ccnet_edge.spec.plan import Metric
from tests.degradation.printed import ALPHAS, COMPLEXITY, F1

CHEAP = (1, 0.25, 0.0625)


def printed_slope(name: str, alphas: tuple[float, ...]) -> float:
    """∂A/∂log10 θ of CC21's U-Net, F1 relative to α = 1 against 2 log10 α."""
    scores = [F1[name][ALPHAS.index(alpha)] for alpha in alphas]
    return set_slope([2 * math.log10(alpha) for alpha in alphas], scores, scores[0]).slope


@pytest.mark.parametrize(
    ("name", "all_seven", "cheap"),
    [("chase_db1", 0.1303, 0.1613), ("drive", 0.0362, 0.0426), ("melanoma", 0.0448, 0.0428)],
)
def test_the_papers_slopes_from_its_printed_scores(
    name: str, all_seven: float, cheap: float
) -> None:
    assert printed_slope(name, ALPHAS) == pytest.approx(all_seven, abs=5e-5)
    assert printed_slope(name, CHEAP) == pytest.approx(cheap, abs=5e-5)


def test_the_cheap_fit_of_chase_and_drive() -> None:
    names = ("chase_db1", "drive")
    line = fit_line([COMPLEXITY[n] for n in names], [printed_slope(n, CHEAP) for n in names])
    assert line.slope == pytest.approx(0.481, abs=1e-3)
    assert line.intercept == pytest.approx(0.0252, abs=5e-5)
    assert line.r2 == pytest.approx(1)


def test_a_line_has_the_standard_error_of_regression() -> None:
    x, y = [0.0, 1.0, 2.0, 3.0], [0.1, 0.9, 2.2, 2.8]
    found = fit_line(x, y)
    stats = pytest.importorskip("scipy.stats")
    wanted = stats.linregress(x, y)
    assert found.slope == pytest.approx(wanted.slope)
    assert found.intercept == pytest.approx(wanted.intercept)
    assert found.error == pytest.approx(wanted.stderr)
    assert found.r2 == pytest.approx(wanted.rvalue**2)


@pytest.mark.parametrize("x", [[], [1.0], [2.0, 2.0, 2.0]])
def test_one_point_makes_no_line(x: list[float]) -> None:
    with pytest.raises(DataError, match="at least two different points"):
        fit_line(x, [0.0] * len(x))


def test_omega_is_found_again() -> None:
    j, b = [0.05, 0.1, 0.2, 0.15, 0.3], [0.3, 0.1, 0.05, 0.2, 0.4]
    slopes = [0.35 * (0.7 * a + 0.3 * c) + 0.001 for a, c in zip(j, b, strict=True)]
    omega, line = fit_omega(slopes, j, b)
    assert omega == 0.7
    assert (line.slope, line.intercept, line.r2) == pytest.approx((0.35, 0.001, 1))
    assert fit_omega(slopes[:2], j[:2], b[:2])[0] == 1
    with pytest.raises(DataError, match="one complexity, whatever ω"):
        fit_omega([0.1, 0.2, 0.3], [0.1] * 3, [0.1] * 3)


def world(
    accuracy: Callable[[float, float, int], float], *, seeds: int = 1
) -> tuple[list[CalibrationSet], list[CalibrationRun]]:
    """Four data sets, three multipliers; `accuracy` of (C, log10 of the reduction, seed)."""
    sets, runs = [], []
    for i, c in enumerate((0.05, 0.1, 0.2, 0.3)):
        sets.append(
            CalibrationSet(
                name=f"set{i}", fingerprint="", height=64, width=64, train=9, test=9, j=(c,), b=(c,)
            )
        )
        for alpha in (1.0, 0.25, 0.0625):
            for seed in range(seeds):
                score = accuracy(c, -2 * math.log10(alpha), seed)
                runs.append(
                    CalibrationRun(
                        data=f"set{i}",
                        alpha=alpha,
                        seed=seed,
                        widths=(16,),
                        weights=1,
                        log_theta=6 + 2 * math.log10(alpha),
                        f1=score,
                        iu=score,
                        steps=1,
                        seconds=100 * alpha,
                        threads=1,
                    )
                )
    return sets, runs


def fitted(accuracy: Callable[[float, float, int], float], metric: Metric = "f1", seeds: int = 1):  # type: ignore[no-untyped-def]
    sets, runs = world(accuracy, seeds=seeds)
    return fit_metric("x", "unet", (16,), sets, runs, metric=metric, definition="d-v1-0")


def test_a_world_that_follows_the_line_gives_its_lambda_and_delta() -> None:
    found = fitted(lambda c, x, _: 0.8 * (1 - (0.4 * c + 0.01) * x))
    preset = found.degradation
    assert (preset.slope, preset.intercept) == pytest.approx((0.4, 0.01))
    assert (preset.calibrated, preset.definition, preset.omega) == (True, "d-v1-0", None)
    assert found.r2 == pytest.approx(1)
    assert [each.base_accuracy for each in found.slopes] == pytest.approx([0.8] * 4)
    assert preset.spread is not None
    assert preset.spread.slope_error == pytest.approx(0, abs=1e-9)
    assert preset.spread.run_error == pytest.approx(0, abs=1e-9)
    assert (preset.spread.sets, preset.spread.runs) == (4, 8)
    assert preset.inside is not None
    assert (preset.inside.lowest, preset.inside.highest) == (0.05, 0.3)
    assert preset.inside.reduction == pytest.approx(2.408, abs=1e-3)
    assert preset.inside.base_widths == (16,)


def test_seeds_are_averaged_and_their_spread_is_said() -> None:
    # The seeds' slopes differ by 0.02 for every set: δ varies, λ does not.
    found = fitted(lambda c, x, seed: 0.8 * (1 - (0.4 * c + 0.01 + 0.02 * seed) * x), seeds=2)
    assert (found.degradation.slope, found.degradation.intercept) == pytest.approx((0.4, 0.02))
    assert found.per_seed[0] == pytest.approx((0.4, 0.01))
    assert found.per_seed[1] == pytest.approx((0.4, 0.03))
    assert found.seed_spread == pytest.approx((0, np.std([0.01, 0.03], ddof=1)), abs=1e-9)


def test_a_base_network_that_finds_nothing_is_refused() -> None:
    with pytest.raises(DataError, match="the base network's accuracy is 0"):
        fitted(lambda _c, _x, _: 0.0)


def test_a_sweep_has_paid_for_itself_when_searches_would_have_cost_as_much() -> None:
    _, runs = world(lambda _c, _x, _: 1.0)
    found = break_even(runs)
    assert found.sweep_s == 4 * 131.25
    assert found.search_s == 131.25
    assert found.plan_s == (25 + 6.25) / 2
    assert found.data_sets == pytest.approx(525 / (131.25 - 15.625))
