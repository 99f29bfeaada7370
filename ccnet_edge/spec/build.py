"""A build as a value: what was asked for, and everything that came out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ccnet_edge.spec.accuracy import KeptAccuracy
from ccnet_edge.spec.artifact import Artifact, SessionOptions
from ccnet_edge.spec.complexity import ImageComplexity
from ccnet_edge.spec.plan import (
    Degradation,
    Formulation,
    Limits,
    Metric,
    Minimise,
    Multiplier,
    Solution,
)
from ccnet_edge.spec.report import (
    Environment,
    Evaluation,
    Gate,
    LatencyReport,
    MemoryReport,
    ParityReport,
    RamProof,
)
from ccnet_edge.spec.samples import SampleAdvice
from ccnet_edge.spec.target import DeviceProfile, Precision
from ccnet_edge.spec.training import TrainedNetwork

WantedPrecision = Literal["auto", "fp32", "fp16", "int8"]


@dataclass(frozen=True, kw_only=True)
class DataSummary:
    """The data set that a build used; counts are images."""

    name: str
    fingerprint: str
    classes: tuple[str, ...]
    channels: int
    train: int
    validation: int
    test: int
    skipped: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class BuildRequest:
    """What a person asked `build` for, with the target's defaults already filled in.

    `height` and `width` are the network's input in pixels. `floor` is the absolute accuracy
    that the test split has to reach, `base_accuracy` the base network's, both in the metric
    of `degradation`. `device` is what torch trains on, `host` where latency and memory are
    measured: `local`, or `ssh://user@device`. `engine` is the inference engine on the target.
    `version` is the bundle's; see `Manifest`.
    `strict` asks fp16 and int8 to keep 99.9 % of the fp32 Dice, not 99 %; `precision` is what
    ships, or `auto` for the best of what the format is written in, by measuring. `force` plans
    although complexity is measured by another J than the preset's. `trained` is the SHA-256 of
    the weights of a network that is trained already, in place of a plan; then `recipe`, `steps`
    and `seed` are what it was trained by.
    """

    profile: DeviceProfile
    data: DataSummary
    architecture: str
    degradation: Degradation
    limits: Limits
    multiplier: Multiplier
    formulation: Formulation
    minimise: Minimise
    height: int
    width: int
    recipe: str
    steps: int | None
    time_limit_s: float | None
    seed: int
    device: str
    train_base: bool
    base_accuracy: float | None
    floor: float | None
    host: str
    engine: str = "onnxruntime"
    version: int = 0
    strict: bool = False
    precision: WantedPrecision = "fp32"
    force: bool = False
    trained: str | None = None

    @property
    def metric(self) -> Metric:
        """What accuracy means."""
        return self.degradation.metric


@dataclass(frozen=True, kw_only=True)
class TriedOptions:
    """One set of engine options that was measured: process peak and median latency."""

    options: SessionOptions
    peak_bytes: int
    p50_ms: float


@dataclass(frozen=True, kw_only=True)
class TunedOptions:
    """The engine options that were chosen by measuring, and all that were measured."""

    options: SessionOptions
    tried: tuple[TriedOptions, ...]


@dataclass(frozen=True, kw_only=True)
class TriedPrecision:
    """The trained network in one precision, against its export in fp32 on validation images.

    `time_over_fp32` is the median over turns of its time over fp32's in the same turn, `lost`
    what its gates found, and empty where all passed.
    """

    precision: Precision
    size_bytes: int
    time_over_fp32: float
    dice: float | None
    lost: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PrecisionChoice:
    """The precision that ships and why; `tried` is empty where one was asked for.

    `kept` says which nodes of an int8 file stay in float32, None where its format has no such.
    """

    precision: Precision
    reason: str
    tried: tuple[TriedPrecision, ...] = ()
    kept: KeptAccuracy | None = None

    @property
    def floats(self) -> tuple[str, ...]:
        """The nodes of an int8 file that stay in float32."""
        return self.kept.returned if self.kept is not None and self.precision == "int8" else ()


@dataclass(frozen=True, kw_only=True)
class StageTime:
    """How long a stage took when it was last made, in seconds."""

    stage: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class BuildSummary:
    """All results of a build: what `report`, the manifest and `--json` are made from.

    `on_target` says whether memory and latency were measured on the target itself. `proof` is of
    this machine, where the process could be held to the memory budget.
    """

    request: BuildRequest
    complexity: ImageComplexity
    solution: Solution
    trained: TrainedNetwork
    evaluation: Evaluation
    base_evaluation: Evaluation | None
    artifacts: tuple[Artifact, ...]
    parity: ParityReport
    options: SessionOptions
    tried: tuple[TriedOptions, ...]
    memory: MemoryReport
    latency: LatencyReport
    gates: tuple[Gate, ...]
    on_target: bool
    environment: Environment
    archive: str
    archive_sha256: str
    archive_bytes: int
    times: tuple[StageTime, ...]
    precision: PrecisionChoice | None = None
    samples: SampleAdvice | None = None
    proof: RamProof | None = None

    @property
    def fit(self) -> bool:
        """No gate failed; gates that only the target can verify do not count against it."""
        return all(gate.status != "failed" for gate in self.gates)
