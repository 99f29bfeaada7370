"""What was asked of the solver and what it answered: limits, degradation, estimate, solution."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from ccnet_edge.errors import ConfigError
from ccnet_edge.spec.network import NetworkSpec

Metric = Literal["f1", "iu"]
Multiplier = Literal["uniform", "layerwise"]
Formulation = Literal["exact", "paper"]
Minimise = Literal["disk", "memory"]
# Of the interval of a predicted accuracy.
CONFIDENCE = 0.9

Limit = Literal["disk", "ram", "memory", "latency", "accuracy", "base"]


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How far the networks that a line λC + δ was fitted to lie from it: what an interval needs.

    `sets` data sets were used, whose complexities have the mean C̄ and Σ(C − C̄)² =
    `complexity_ss`. `slope_error` is the residual standard deviation of their slopes about the
    line, with sets − 2 degrees of freedom. `run_error` is that of the relative accuracies of
    `runs` thinned networks about 1 − slope · log10(θ / θ_thin), the slope their own data set's,
    with runs − sets degrees of freedom.

    Raises:
        ConfigError: fewer sets than an interval needs, or all of one complexity.
    """

    sets: int
    runs: int
    mean_complexity: float
    complexity_ss: float
    slope_error: float
    run_error: float

    def __post_init__(self) -> None:
        if self.sets < 3 or self.runs <= self.sets or not self.complexity_ss > 0:
            raise ConfigError(
                "a spread of at least 3 data sets of different complexity and more runs than "
                f"sets was wanted, found {self.sets} sets, {self.runs} runs and "
                f"Σ(C − C̄)² = {self.complexity_ss:g}"
            )


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """Where a fit holds: what was inside it, beyond which a prediction is an extrapolation.

    `lowest` and `highest` are the least and greatest complexity C of its data sets at full
    resolution. `reduction` is the largest log10(θ / θ_thin) of its networks, and `base_widths`
    those of the network that relative accuracy is relative to; None where it is the
    architecture's base.
    """

    lowest: float
    highest: float
    reduction: float
    base_widths: tuple[int, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Degradation:
    """∂A/∂log10 θ = λC + δ (CC21 eq. 3) for one architecture and metric.

    `definition` is the identity of the J that λ and δ were fitted with, or None for the
    papers' mixed figures. `calibrated` is True only where they were fitted with our J.
    `omega` weighs J against B for IU, None for F1 or where it was not published.
    `rounding` is n where the uniform multiplier is rounded to a multiple of 1/n (CC19), None
    where every scale is rounded to whole channels. `base_accuracy` is the base network's
    where the fit measured it on the person's own data. `spread` and `inside` are None where
    the fit's residuals and its range were not published.
    """

    preset: str
    architecture: str
    metric: Metric
    slope: float
    intercept: float
    omega: float | None
    definition: str | None
    calibrated: bool
    source: str
    rounding: int | None = None
    base_accuracy: float | None = None
    spread: Spread | None = None
    inside: Calibrated | None = None


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of a plan; None where there is none.

    `disk_bytes` the model file, `ram_bytes` the process's peak on the engine, `memory_bytes`
    the network's own tensors and weights, `latency_ms` one inference (an estimate in a
    plan), `min_relative_accuracy` the accuracy over the base network's.
    """

    disk_bytes: int | None = None
    ram_bytes: int | None = None
    memory_bytes: int | None = None
    latency_ms: float | None = None
    min_relative_accuracy: float | None = None

    def with_floor(self, floor: float | None, base_accuracy: float | None) -> Limits:
        """The same limits, with an absolute accuracy `floor` too where the base's is known.

        Without a base network's accuracy a plan predicts relative accuracy alone, and an
        absolute floor limits nothing in it.
        """
        if floor is None or not base_accuracy:
            return self
        relative = max(floor / base_accuracy, self.min_relative_accuracy or 0.0)
        return replace(self, min_relative_accuracy=relative)


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a network costs at one input size and precision. Computed, never measured.

    `weights` counts convolution weights only, as the papers do (CC21 eq. 4);
    `parameters` all trained values. `disk_bytes` is the model file's, `memory_bytes` weights
    plus the peak of a static plan of the tensors that live at once, `ram_bytes` the process's
    peak as the engine's model predicts it (None: no model for that engine and precision). It lies
    between `ram_least_bytes` and `ram_most_bytes`, which is what a limit is compared with;
    `ram_note` says what may make it another one.
    """

    height: int
    width: int
    bits: int
    weights: int
    parameters: int
    log_theta: float
    held_values: int
    macs: int
    disk_bytes: int
    peak_activation_bytes: int
    memory_bytes: int
    ram_bytes: int | None
    latency_ms: float | None
    ram_least_bytes: int | None = None
    ram_most_bytes: int | None = None
    ram_note: str = ""


@dataclass(frozen=True, kw_only=True)
class ScalePlan:
    """One scale of a plan: its complexity C, channels, and predicted loss of accuracy.

    `loss` = 2 (λC + δ) log10(base_channels / channels), relative to the base network.
    """

    complexity: float
    base_channels: int
    continuous_channels: float | None
    channels: int
    weights: int
    loss: float


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Predicted accuracy: relative to the base network, and absolute where a base is known.

    `half_width` is that of its interval of `confidence`, in relative accuracy; None where the
    preset's residuals are not known. `warnings` say what the prediction does not rest on.
    """

    metric: Metric
    relative: float
    base: float | None
    absolute: float | None
    calibrated: bool
    half_width: float | None = None
    confidence: float = CONFIDENCE
    warnings: tuple[str, ...] = ()

    @property
    def interval(self) -> tuple[float, float] | None:
        """Least and greatest relative accuracy; the least is not below 0."""
        if self.half_width is None:
            return None
        return max(0.0, self.relative - self.half_width), self.relative + self.half_width


@dataclass(frozen=True, kw_only=True)
class Solution:
    """A plan inside its limits, next to the base network and to the other multiplier's plan.

    `binding` are the limits that one more step of channels would break; `alternatives` the
    networks it is compared with; `unchecked` the limits that could not be checked, because
    no memory model of the engine or no speed of the device is known. `minimised` is the cost
    that was made least where a floor was the only limit.

    Of a `given` network, whose widths were not solved for, nothing binds, and `exceeded` are the
    limits that the estimates are over.
    """

    network: NetworkSpec
    formulation: Formulation
    multiplier: Multiplier
    degradation: Degradation
    limits: Limits
    scales: tuple[ScalePlan, ...]
    estimate: Estimate
    predicted: Prediction
    binding: tuple[Limit, ...]
    alternatives: tuple[Alternative, ...]
    unchecked: tuple[Limit, ...] = ()
    minimised: Minimise | None = None
    given: bool = False
    exceeded: tuple[Limit, ...] = ()

    @property
    def kind(self) -> str:
        """How its widths came about, in a word."""
        return "given" if self.given else self.multiplier

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels per scale."""
        return self.network.widths


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """A network that a plan is compared with; `fits` says whether it is inside the limits.

    `half_width` is that of its relative accuracy's interval, as in `Prediction`.
    """

    name: str
    widths: tuple[int, ...]
    estimate: Estimate
    relative_accuracy: float
    fits: bool
    half_width: float | None = None


@dataclass(frozen=True, kw_only=True)
class PlanDocument:
    """What `plan --json` prints: a plan's five figures for scripts, and the whole solution.

    `predicted` is the predicted accuracy relative to the base network's.
    """

    widths: tuple[int, ...]
    weights: int
    log_theta: float
    predicted: float
    binding: tuple[Limit, ...]
    solution: Solution

    @staticmethod
    def of(solution: Solution) -> PlanDocument:
        """The document of a solution."""
        return PlanDocument(
            widths=solution.widths,
            weights=solution.estimate.weights,
            log_theta=solution.estimate.log_theta,
            predicted=solution.predicted.relative,
            binding=solution.binding,
            solution=solution,
        )
