"""What was asked of the solver and what it answered: limits, degradation, estimate, solution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ccnet_edge.spec.network import NetworkSpec

Metric = Literal["f1", "iu"]
Multiplier = Literal["uniform", "layerwise"]
Formulation = Literal["exact", "paper"]
Limit = Literal["disk", "ram", "memory", "latency", "accuracy", "base"]


@dataclass(frozen=True, kw_only=True)
class Degradation:
    """∂A/∂log10 θ = λC + δ (CC21 eq. 3) for one architecture and metric.

    `definition` is the identity of the J that λ and δ were fitted with, or None for the
    papers' mixed figures. `calibrated` is True only where they were fitted with our J.
    `omega` weighs J against B for IU, None for F1 or where it was not published.
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


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a network costs at one input size and precision. Computed, never measured.

    `weights` counts convolution weights only, as the papers do (CC21 eq. 4);
    `parameters` all trained values. `disk_bytes` is the model file's, `memory_bytes` weights
    plus the peak of a static plan of the tensors that live at once, `ram_bytes` the process's
    peak as the engine's model predicts it (None: no model for that engine).
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
    """Predicted accuracy: relative to the base network, and absolute where a base is known."""

    metric: Metric
    relative: float
    base: float | None
    absolute: float | None
    calibrated: bool


@dataclass(frozen=True, kw_only=True)
class Solution:
    """A plan inside its limits, next to the base network and to the other multiplier's plan.

    `binding` are the limits that one more step of channels would break; `alternatives`
    holds (name, widths, estimate, relative accuracy) of the networks it is compared with.
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

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels per scale."""
        return self.network.widths


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """A network that a plan is compared with; `fits` says whether it is inside the limits."""

    name: str
    widths: tuple[int, ...]
    estimate: Estimate
    relative_accuracy: float
    fits: bool
