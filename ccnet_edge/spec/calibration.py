"""A calibration: how fast accuracy falls with size, measured on thinned networks and data sets."""

from __future__ import annotations

from dataclasses import dataclass

from ccnet_edge.spec.plan import Degradation, Metric
from ccnet_edge.spec.report import Environment


@dataclass(frozen=True, kw_only=True)
class CalibrationRun:
    """One network of the sweep: its scores on the test images of one data set.

    `weights` counts convolution weights, `log_theta` is their log10; `seconds` is the wall time
    of training with `threads` threads.
    """

    data: str
    alpha: float
    seed: int
    widths: tuple[int, ...]
    weights: int
    log_theta: float
    f1: float
    iu: float
    steps: int
    seconds: float
    threads: int

    def accuracy(self, metric: Metric) -> float:
        """F1 or IU."""
        return self.f1 if metric == "f1" else self.iu


@dataclass(frozen=True, kw_only=True)
class CalibrationSet:
    """One data set of the sweep; `j` and `b` are by scale, finest first, of its training images."""

    name: str
    fingerprint: str
    height: int
    width: int
    train: int
    test: int
    j: tuple[float, ...]
    b: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class SetSlope:
    """∂A/∂log10 θ of one data set, A relative to its base network's.

    `error` is the slope's standard error, `base_accuracy` the base network's mean over seeds.
    """

    data: str
    complexity: float
    slope: float
    error: float
    base_accuracy: float


@dataclass(frozen=True, kw_only=True)
class MetricFit:
    """λ, δ (and ω) of one metric, with what they were fitted to.

    `degradation` is the preset. `r2` is of the line through the slopes, of two sets always 1.
    `per_seed` are (λ, δ) of every seed alone, of which `seed_spread` is the standard deviation;
    None for one seed.
    """

    degradation: Degradation
    slopes: tuple[SetSlope, ...]
    r2: float
    per_seed: tuple[tuple[float, float], ...]
    seed_spread: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True)
class BreakEven:
    """When a calibration has paid for itself (CC19 Table 3).

    `sweep_s` is what training all of its networks took, once. Without a prediction, a new data
    set needs every multiplier trained to find the network that fits, `search_s`; with one, a
    single network of the mean thinned size, `plan_s`. After `data_sets` more data sets the sweep
    is paid for; None where a plan saves nothing. All by the clock of the machine of the sweep.
    """

    sweep_s: float
    search_s: float
    plan_s: float
    data_sets: float | None


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """A sweep over data sets × multipliers × seeds, and what was fitted to it (CC21 Fig. 4).

    `definition` is the identity of the J that was measured, `encoder` its JPEG encoder; `recipe`
    the training recipe's identity.
    """

    name: str
    architecture: str
    base_widths: tuple[int, ...]
    alphas: tuple[float, ...]
    seeds: tuple[int, ...]
    definition: str
    encoder: str
    recipe: str
    sets: tuple[CalibrationSet, ...]
    runs: tuple[CalibrationRun, ...]
    fits: tuple[MetricFit, ...]
    break_even: BreakEven
    environment: Environment

    def fit(self, metric: Metric) -> MetricFit:
        """The fit of that metric."""
        return next(fit for fit in self.fits if fit.degradation.metric == metric)
