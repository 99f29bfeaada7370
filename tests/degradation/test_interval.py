"""The interval of a prediction: its parts by hand, how often it holds, where it does not."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]

from ccnet_edge.degradation import beyond, find_preset, half_width
from ccnet_edge.errors import ConfigError
from ccnet_edge.spec.plan import Spread
from tests.degradation.printed import ALPHAS, COMPLEXITY, F1

SPREAD = Spread(
    sets=6, runs=18, mean_complexity=0.2, complexity_ss=0.05, slope_error=0.02, run_error=0.01
)


def test_the_spread_of_cc21_is_that_of_its_printed_scores() -> None:
    preset = find_preset("cc21", architecture="unet", metric="f1")
    assert preset.spread is not None
    assert preset.inside is not None
    thinner = 2 * np.log10(ALPHAS)
    complexities = np.array(list(COMPLEXITY.values()))
    about_line, about_set = [], []
    for name, c in COMPLEXITY.items():
        relative = np.array(F1[name]) / F1[name][0]
        slope = np.polyfit(thinner, relative, 1)[0]
        about_line.append(slope - (preset.slope * c + preset.intercept))
        about_set += list((relative - (1 + slope * thinner))[1:])
    found = preset.spread
    assert (found.sets, found.runs) == (3, 18)
    assert found.mean_complexity == pytest.approx(complexities.mean(), abs=1e-5)
    assert found.complexity_ss == pytest.approx(complexities.var() * 3, abs=1e-5)
    assert found.slope_error == pytest.approx(np.linalg.norm(about_line) / 1**0.5, abs=1e-5)
    assert found.run_error == pytest.approx(np.linalg.norm(about_set) / 15**0.5, abs=1e-5)
    assert (preset.inside.lowest, preset.inside.highest) == (0.0362, 0.2826)
    assert preset.inside.reduction == pytest.approx(-thinner[-1], abs=1e-3)


def test_runs_alone_give_students_interval() -> None:
    spread = replace(SPREAD, slope_error=0.0)
    wanted = stats.t.ppf(0.95, 12) * 0.01
    assert half_width(spread, complexity=0.2, reduction=1.0) == pytest.approx(wanted)


def test_slopes_alone_give_the_interval_of_a_new_data_set_in_a_regression() -> None:
    spread = replace(SPREAD, run_error=0.0)
    error = 0.02 * np.sqrt(1 + 1 / 6 + 0.1**2 / 0.05)
    wanted = stats.t.ppf(0.95, 4) * error * 1.5
    assert half_width(spread, complexity=0.3, reduction=1.5) == pytest.approx(wanted)


def test_the_base_network_itself_is_certain() -> None:
    assert half_width(SPREAD, complexity=0.2, reduction=0.0) == 0


@pytest.mark.parametrize("more", [{"complexity": 0.4}, {"reduction": 2.0}, {"confidence": 0.99}])
def test_it_widens_away_from_what_was_fitted(more: dict[str, Any]) -> None:
    usual = {"complexity": 0.25, "reduction": 1.0, "confidence": 0.9}
    assert half_width(SPREAD, **(usual | more)) > half_width(SPREAD, **usual)


def test_it_holds_nine_times_in_ten_of_worlds_that_are_as_assumed() -> None:
    random = np.random.default_rng(0)
    complexities = np.linspace(0.05, 0.35, 6)
    alphas = np.array([0.6, 1.2, 1.8])  # log10 of the reduction
    held = []
    for _ in range(600):
        slopes = 0.02 + 0.4 * complexities + random.normal(0, 0.02, 6)
        runs = 1 - slopes[:, None] * alphas + random.normal(0, 0.01, (6, 3))
        fitted = ((1 - runs) * alphas).sum(1) / (alphas**2).sum()
        line = np.polyfit(complexities, fitted, 1)
        spread = Spread(
            sets=6,
            runs=18,
            mean_complexity=float(complexities.mean()),
            complexity_ss=float(((complexities - complexities.mean()) ** 2).sum()),
            slope_error=float(np.linalg.norm(fitted - np.polyval(line, complexities)) / 2),
            run_error=float(np.linalg.norm(runs - (1 - fitted[:, None] * alphas)) / 12**0.5),
        )
        c, x = random.uniform(0.05, 0.35), random.uniform(0.6, 1.8)
        truth = 1 - (0.02 + 0.4 * c + random.normal(0, 0.02)) * x + random.normal(0, 0.01)
        half = half_width(spread, complexity=c, reduction=x)
        held.append(abs(1 - np.polyval(line, c) * x - truth) <= half)
    # 600 · 0.9 ± 3 standard deviations.
    assert 518 <= sum(held) <= 562


@pytest.mark.parametrize(
    ("complexity", "reduction", "told"),
    [
        (0.018, 1.0, "C = 0.0180 lies 50% below the 0.0362 to 0.2826 that preset cc21"),
        (0.5652, 1.0, "C = 0.5652 lies 100% above the 0.0362 to 0.2826 that preset cc21"),
        (0.1, 3.0, "the plan has 1000 times fewer weights than the base at its narrowest scale"),
    ],
)
def test_what_lies_outside_the_fit_is_said(complexity: float, reduction: float, told: str) -> None:
    preset = find_preset("cc21", architecture="unet", metric="f1")
    (found,) = beyond(preset, complexity=complexity, reduction=reduction)
    assert found.startswith(told)


def test_inside_there_is_nothing_to_say() -> None:
    preset = find_preset("cc21", architecture="unet", metric="f1")
    assert beyond(preset, complexity=0.0362, reduction=2.4) == ()
    unknown = find_preset("cc19", architecture="unet", metric="f1")
    assert beyond(unknown, complexity=9.0, reduction=9.0) == ()


@pytest.mark.parametrize("change", [{"sets": 2}, {"runs": 6}, {"complexity_ss": 0.0}])
def test_a_spread_that_gives_no_interval_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="at least 3 data sets of different complexity"):
        replace(SPREAD, **change)
