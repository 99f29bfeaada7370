"""Systems side by side on one data set: on what terms, what each gave, and as one table."""

from __future__ import annotations

from dataclasses import dataclass

from ccnet_edge.spec.plan import Multiplier
from ccnet_edge.spec.report import Environment


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What all systems of a comparison have in common: data, size, budget and training time.

    `data` is the data set's fingerprint, `height` and `width` the input in pixels, `recipe` the
    recipe's name and a hash of its values. Each system trains for `time_limit_s` or `steps` in
    all, for the recipe's steps where both are None. `base`, `uniform` and `layerwise` are the
    widths of the base network and of its plans for `budget_bytes`, all of `architecture`.
    """

    name: str
    data: str
    height: int
    width: int
    architecture: str
    base: tuple[int, ...]
    uniform: tuple[int, ...]
    layerwise: tuple[int, ...]
    budget_bytes: int
    preset: str
    recipe: str
    seed: int
    steps: int | None
    time_limit_s: float | None
    device: str


@dataclass(frozen=True, kw_only=True)
class SystemResult:
    """What a system gave: measured on the ONNX file that it ends in, times apart.

    `f1` and `iu` are pooled over the test images, computed by ONNX Runtime. `weights` are
    convolution weights (CC21 eq. 4) and `log_theta` their log10, whatever a weight takes on disk.
    `widths` are those of the widest node of each scale. `peak_bytes` is the peak of a fresh
    process that runs the file, `base_bytes` what that process has without it. `train_seconds` is
    the wall time of all training that led to it, in `steps` steps. `within` says whether the file
    keeps the budget, `claims` whether the system was asked to.
    """

    name: str
    label: str
    source: str
    terms: Terms
    widths: tuple[int, ...]
    weights: int
    log_theta: float
    f1: float
    iu: float
    disk_bytes: int
    peak_bytes: int
    base_bytes: int
    train_seconds: float
    steps: int
    claims: bool
    within: bool
    note: str
    model: str
    model_sha256: str


@dataclass(frozen=True, kw_only=True)
class SystemScore:
    """A system's result, and the median of its inferences in turn with the others', one thread."""

    result: SystemResult
    latency_ms: float


@dataclass(frozen=True, kw_only=True)
class StepBelow:
    """A plan and the network with one channel fewer in every scale (CC21 Table 9).

    `predicted` is accuracy relative to the base network's, by λC + δ; `f1` what was achieved.
    """

    multiplier: Multiplier
    widths: tuple[int, ...]
    predicted: float
    f1: float
    below_widths: tuple[int, ...]
    below_predicted: float
    below_f1: float
    base_f1: float


@dataclass(frozen=True, kw_only=True)
class SystemsTable:
    """All systems of a comparison in their order, and what lies one step below the plans."""

    terms: Terms
    scores: tuple[SystemScore, ...]
    steps_below: tuple[StepBelow, ...]
    environment: Environment
