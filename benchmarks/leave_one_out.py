"""Predicting a data set that was not in the fit, by the papers' form and by others."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ccnet_edge.degradation import find_preset, half_width
from ccnet_edge.degradation.metric_fit import fit_metric
from ccnet_edge.spec.calibration import Calibration, CalibrationRun, CalibrationSet
from ccnet_edge.spec.plan import CONFIDENCE, Degradation


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """One run: its F1, what was predicted, and half of the interval (None: there is none)."""

    data: str
    alpha: float
    seed: int
    measured: float
    predicted: float
    half_width: float | None


@dataclass(frozen=True, kw_only=True)
class Form:
    """One way to predict, over all runs of all left-out sets.

    `held` of `runs` intervals held; `least` and `most` bound that share by Clopper and Pearson
    with 95 %. All None where the form has no interval.
    """

    name: str
    meaning: str
    mean_error: float
    median_error: float
    runs: int
    held: int | None
    share: float | None
    least: float | None
    most: float | None
    predictions: tuple[Predicted, ...]

    def line(self) -> str:
        """For people."""
        told = f"{self.name:<22} mean |error| {self.mean_error:.4f}"
        told += f", median {self.median_error:.4f}, {self.runs} runs"
        if self.held is None:
            return told
        return (
            f"{told}; 90 % interval holds {self.held} of {self.runs} = {self.share:.0%} "
            f"(95 %: {self.least:.0%} to {self.most:.0%})"
        )


@dataclass(frozen=True, kw_only=True)
class LeaveOneOut:
    """All forms."""

    confidence: float
    forms: tuple[Form, ...]


Slopes = Callable[[Sequence[CalibrationSet], Sequence[CalibrationRun]], Degradation]
# (C of the left-out set by that form) of a set.
Complexity = Callable[[CalibrationSet], float]
Curve = Callable[[float, float], float]


def leave_one_out(found: Calibration) -> LeaveOneOut:
    """Every set left out in turn, predicted by every form."""
    published = find_preset("cc21", architecture="unet", metric="f1")
    forms = [
        _form(found, "λC + δ", "J at full resolution: the papers' form", _input_j),
        *(
            _form(found, f"λC + δ, J at /{2**s}", f"J at scale {s}", lambda each, s=s: each.j[s])
            for s in (2, 4)
        ),
        _form(found, "λC + δ, C = B", "foreground density in place of J", lambda e: e.b[0]),
        _form(
            found, "λC + δ, C = J / B", "JPEG bytes a foreground pixel", lambda e: e.j[0] / e.b[0]
        ),
        _form(found, "λC + δ, Theil-Sen", "fitted by medians, not squares", _input_j, robust=True),
        _form(found, "mean slope", "λ = 0: one slope for all sets", _input_j, flat=True),
        _form(found, "median slope", "λ = 0: the median set's", _input_j, flat=True, median=True),
        _form(found, "no loss", "a thinned network is as good as the base", _input_j, zero=True),
        _form(
            found, "cc21 as published", "λ 0.437, δ 0.0103, not refitted", _input_j, given=published
        ),
        _form(
            found, "λC + δ, convex", "loss = slope · x², x = log10(θ / θ_thin)", _input_j, power=2.0
        ),
        _form(
            found,
            "median slope, convex",
            "the same with the median set's slope",
            _input_j,
            flat=True,
            median=True,
            power=2.0,
        ),
    ]
    return LeaveOneOut(confidence=CONFIDENCE, forms=tuple(forms))


def _input_j(each: CalibrationSet) -> float:
    return each.j[0]


def _form(
    found: Calibration,
    name: str,
    meaning: str,
    complexity: Complexity,
    *,
    flat: bool = False,
    median: bool = False,
    zero: bool = False,
    robust: bool = False,
    power: float = 1.0,
    given: Degradation | None = None,
) -> Form:
    predictions: list[Predicted] = []
    for left in found.sets:
        rest = [each for each in found.sets if each.name != left.name]
        fitted = given or _fitted(
            found, rest, complexity, power, flat=flat, median=median, robust=robust
        )
        base = _base(found, left.name)
        for run in found.runs:
            reduction = base.log_theta - run.log_theta
            if run.data != left.name or math.isclose(reduction, 0, abs_tol=1e-9):
                continue
            c, x = complexity(left), reduction**power
            slope = 0.0 if zero else fitted.slope * c + fitted.intercept
            half = None
            if fitted.spread is not None and not (flat or zero or robust):
                half = half_width(fitted.spread, complexity=c, reduction=x)
            predictions.append(
                Predicted(
                    data=left.name,
                    alpha=run.alpha,
                    seed=run.seed,
                    measured=run.f1,
                    predicted=base.f1 * (1 - slope * x),
                    half_width=None if half is None else half * base.f1,
                )
            )
    return _judged(name, meaning, predictions)


def _judged(name: str, meaning: str, predictions: list[Predicted]) -> Form:
    errors = [abs(each.measured - each.predicted) for each in predictions]
    held: int | None = None
    least = most = share = None
    if all(each.half_width is not None for each in predictions):
        held = sum(
            error <= (each.half_width or 0) for error, each in zip(errors, predictions, strict=True)
        )
        share = held / len(predictions)
        least, most = clopper_pearson(held, len(predictions))
    return Form(
        name=name,
        meaning=meaning,
        mean_error=sum(errors) / len(errors),
        median_error=statistics.median(errors),
        runs=len(predictions),
        held=held,
        share=share,
        least=least,
        most=most,
        predictions=tuple(predictions),
    )


def clopper_pearson(held: int, runs: int, confidence: float = 0.95) -> tuple[float, float]:
    """The interval of a share (Biometrika 26(4), 1934)."""
    from scipy import stats

    tail = (1 - confidence) / 2
    least = float(stats.beta.ppf(tail, held, runs - held + 1)) if held else 0.0
    most = float(stats.beta.ppf(1 - tail, held + 1, runs - held)) if held < runs else 1.0
    return least, most


def _fitted(
    found: Calibration,
    rest: Sequence[CalibrationSet],
    complexity: Complexity,
    power: float,
    *,
    flat: bool,
    median: bool,
    robust: bool,
) -> Degradation:
    """λ and δ of the other sets, their runs' log10 θ bent to x^power below the base's."""
    sets = [replace(each, j=(complexity(each),)) for each in rest]
    names = {each.name for each in rest}
    runs = [_bent(found, run, power) for run in found.runs if run.data in names]
    fit = fit_metric(
        found.name,
        found.architecture,
        found.base_widths,
        sets,
        runs,
        metric="f1",
        definition=found.definition,
    )
    slopes = [each.slope for each in fit.slopes]
    if robust:
        slope, intercept = theil_sen([each.complexity for each in fit.slopes], slopes)
        return replace(fit.degradation, slope=slope, intercept=intercept)
    if flat:
        middle = statistics.median(slopes) if median else statistics.fmean(slopes)
        return replace(fit.degradation, slope=0.0, intercept=middle)
    return fit.degradation


def theil_sen(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """The line of the median slope between points (Sen, JASA 63, 1968): outliers move it little."""
    pairs = [
        (b - d) / (a - c)
        for i, (a, b) in enumerate(zip(x, y, strict=True))
        for c, d in list(zip(x, y, strict=True))[:i]
        if a != c
    ]
    slope = statistics.median(pairs)
    return slope, statistics.median(b - slope * a for a, b in zip(x, y, strict=True))


def _bent(found: Calibration, run: CalibrationRun, power: float) -> CalibrationRun:
    largest = _base(found, run.data).log_theta
    return replace(run, log_theta=largest - (largest - run.log_theta) ** power)


@dataclass(frozen=True, kw_only=True)
class Base:
    """A data set's base network: its size and its mean F1 over seeds."""

    log_theta: float
    f1: float


def _base(found: Calibration, name: str) -> Base:
    runs = [run for run in found.runs if run.data == name]
    largest = max(run.log_theta for run in runs)
    scores = [run.f1 for run in runs if run.log_theta == largest]
    return Base(log_theta=largest, f1=sum(scores) / len(scores))
