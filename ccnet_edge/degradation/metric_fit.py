"""λ, δ and ω of a sweep's runs, as one value: lines per data set, their line, what it cost."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from ccnet_edge.degradation.fitting import (
    Line,
    find_inside,
    find_spread,
    fit_line,
    fit_omega,
    set_slope,
)
from ccnet_edge.spec.calibration import (
    BreakEven,
    CalibrationRun,
    CalibrationSet,
    MetricFit,
    SetSlope,
)
from ccnet_edge.spec.plan import Degradation, Metric


def fit_metric(
    name: str,
    architecture: str,
    base_widths: tuple[int, ...],
    sets: Sequence[CalibrationSet],
    runs: Sequence[CalibrationRun],
    *,
    metric: Metric,
    definition: str,
) -> MetricFit:
    """λ, δ and, for IU, ω of a sweep's runs.

    Raises:
        DataError: data sets of one complexity, or a base network that finds nothing.
    """
    lines = [_set_line(each.name, runs, metric) for each in sets]
    slopes = [line.slope for line, _ in lines]
    j, b = [each.j[0] for each in sets], [each.b[0] for each in sets]
    omega, line = (None, fit_line(j, slopes)) if metric == "f1" else fit_omega(slopes, j, b)
    complexities = [
        each if omega is None else omega * each + (1 - omega) * other
        for each, other in zip(j, b, strict=True)
    ]
    thin = _thinned_points(sets, runs, metric)
    per_seed = _per_seed(sets, runs, metric, complexities)
    return MetricFit(
        degradation=Degradation(
            preset=name,
            architecture=architecture,
            metric=metric,
            slope=line.slope,
            intercept=line.intercept,
            omega=omega,
            definition=definition,
            calibrated=True,
            source=f"calibrated on {', '.join(each.name for each in sets)}",
            spread=find_spread(complexities, slopes, line, thin),
            inside=find_inside(complexities, thin, base_widths),
        ),
        slopes=tuple(
            SetSlope(
                data=each.name,
                complexity=complexity,
                slope=found.slope,
                error=found.error,
                base_accuracy=base,
            )
            for each, complexity, (found, base) in zip(sets, complexities, lines, strict=True)
        ),
        r2=line.r2,
        per_seed=per_seed,
        seed_spread=None
        if len(per_seed) < 2
        else (
            statistics.stdev(slope for slope, _ in per_seed),
            statistics.stdev(intercept for _, intercept in per_seed),
        ),
    )


def break_even(runs: Sequence[CalibrationRun]) -> BreakEven:
    """What the sweep cost, and after how many data sets it has paid for itself."""
    sets, seeds = {run.data for run in runs}, {run.seed for run in runs}
    sweep_s = sum(run.seconds for run in runs)
    search_s = sweep_s / len(sets) / len(seeds)
    thin = [run.seconds for run in runs if run.alpha < 1]
    plan_s = sum(thin) / len(thin)
    saved = search_s - plan_s
    return BreakEven(
        sweep_s=sweep_s,
        search_s=search_s,
        plan_s=plan_s,
        data_sets=sweep_s / saved if saved > 0 else None,
    )


def _means(name: str, runs: Sequence[CalibrationRun], metric: Metric) -> dict[float, float]:
    """log10 θ → mean accuracy over seeds, of one data set."""
    sizes = {run.log_theta for run in runs if run.data == name}
    return {
        size: statistics.fmean(
            run.accuracy(metric) for run in runs if (run.data, run.log_theta) == (name, size)
        )
        for size in sorted(sizes)
    }


def _set_line(name: str, runs: Sequence[CalibrationRun], metric: Metric) -> tuple[Line, float]:
    """The line of a data set, and its base network's accuracy."""
    means = _means(name, runs, metric)
    base = means[max(means)]
    return set_slope(list(means), list(means.values()), base), base


def _thinned_points(
    sets: Sequence[CalibrationSet], runs: Sequence[CalibrationRun], metric: Metric
) -> list[tuple[int, float, float]]:
    """(data set, log10 of the reduction, relative accuracy) of every run but the base networks'."""
    found = []
    for i, each in enumerate(sets):
        means = _means(each.name, runs, metric)
        largest = max(means)
        found += [
            (i, largest - run.log_theta, run.accuracy(metric) / means[largest])
            for run in runs
            if run.data == each.name and not math.isclose(run.log_theta, largest)
        ]
    return found


def _per_seed(
    sets: Sequence[CalibrationSet],
    runs: Sequence[CalibrationRun],
    metric: Metric,
    complexities: Sequence[float],
) -> tuple[tuple[float, float], ...]:
    found = []
    for seed in sorted({run.seed for run in runs}):
        alone = [run for run in runs if run.seed == seed]
        line = fit_line(
            complexities, [_set_line(each.name, alone, metric)[0].slope for each in sets]
        )
        found.append((line.slope, line.intercept))
    return tuple(found)
