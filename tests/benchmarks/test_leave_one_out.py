"""Leaving data sets out: a world that follows the line is predicted exactly, by it alone."""

import math
from dataclasses import replace

import pytest

from benchmarks.leave_one_out import clopper_pearson, leave_one_out, theil_sen
from ccnet_edge.spec.calibration import BreakEven, Calibration, CalibrationRun, CalibrationSet
from ccnet_edge.spec.report import Environment


def calibration(noise: float = 0.0) -> Calibration:
    sets, runs = [], []
    for i, c in enumerate((0.05, 0.1, 0.15, 0.2, 0.3)):
        sets.append(
            CalibrationSet(
                name=f"set{i}", fingerprint="", height=64, width=64, train=9, test=9,
                j=(c,) * 5, b=(0.1 + 0.01 * i,) * 5,
            )
        )  # fmt: skip
        for alpha in (1.0, 0.5, 0.25):
            x = -2 * math.log10(alpha)
            f1 = 0.8 * (1 - (0.4 * c + 0.02) * x) + noise * (-1) ** i * x
            runs.append(
                CalibrationRun(
                    data=f"set{i}", alpha=alpha, seed=0, widths=(8,), weights=1,
                    log_theta=6 - x, f1=f1, iu=f1, steps=1, seconds=1, threads=1,
                )
            )  # fmt: skip
    return Calibration(
        name="x", architecture="unet", base_widths=(16,), alphas=(1.0, 0.5, 0.25), seeds=(0,),
        definition="", encoder="", recipe="", sets=tuple(sets), runs=tuple(runs), fits=(),
        break_even=BreakEven(sweep_s=1, search_s=1, plan_s=1, data_sets=None),
        environment=Environment(
            machine="", processor="", cores=1, memory_bytes=1, system="", python="", versions=()
        ),
    )  # fmt: skip


def test_the_papers_form_predicts_its_own_world_and_others_do_not() -> None:
    forms = {form.name: form for form in leave_one_out(calibration()).forms}
    assert forms["λC + δ"].mean_error == pytest.approx(0, abs=1e-9)
    assert forms["λC + δ, Theil-Sen"].mean_error == pytest.approx(0, abs=1e-9)
    assert forms["λC + δ"].runs == 10
    for other in ("mean slope", "no loss", "λC + δ, convex", "cc21 as published"):
        assert forms[other].mean_error > 0.003, other


def test_intervals_are_counted_where_a_form_has_them() -> None:
    forms = {form.name: form for form in leave_one_out(calibration(noise=0.01)).forms}
    papers = forms["λC + δ"]
    assert papers.held is not None
    assert papers.held == sum(
        abs(each.measured - each.predicted) <= (each.half_width or 0) for each in papers.predictions
    )
    assert (papers.least, papers.most) == clopper_pearson(papers.held, 10)
    assert forms["mean slope"].held is None


def test_the_binomial_interval_is_clopper_and_pearsons() -> None:
    # Their figures for 8 of 10.
    assert clopper_pearson(8, 10) == pytest.approx((0.4439, 0.9748), abs=1e-4)
    assert clopper_pearson(0, 10) == pytest.approx((0, 0.3085), abs=1e-4)
    assert clopper_pearson(10, 10) == pytest.approx((0.6915, 1), abs=1e-4)


def test_one_outlier_moves_the_median_line_little() -> None:
    x = [1.0, 2.0, 3.0, 4.0, 5.0]
    y = [2.0, 4.0, 6.0, 8.0, 100.0]
    assert theil_sen(x, y) == pytest.approx((2.0, 0.0), abs=1.0)
    assert theil_sen(x, [2 * each + 1 for each in x]) == pytest.approx((2, 1))


def test_a_set_is_predicted_from_the_others_alone() -> None:
    found = calibration()
    runs = tuple(
        replace(run, f1=run.f1 * (0.5 if run.alpha < 1 else 1)) if run.data == "set4" else run
        for run in found.runs
    )
    (form, *_) = leave_one_out(replace(found, runs=runs)).forms
    told = [each for each in form.predictions if each.data == "set4"]
    (untouched, *_) = leave_one_out(found).forms
    assert [each.predicted for each in told] == [
        each.predicted for each in untouched.predictions if each.data == "set4"
    ]
