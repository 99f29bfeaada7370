"""What was measured: environment, scores, parity, memory, latency, and the gates over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ccnet_edge.spec.conditions import Conditions
from ccnet_edge.spec.parity import Clause, Hop


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The machine and versions that a measurement was made on and with."""

    machine: str
    processor: str
    cores: int
    memory_bytes: int
    system: str
    python: str
    versions: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class ClassScores:
    """Scores of one class against the rest; None where its denominator is zero."""

    name: str
    f1: float | None
    jaccard: float | None
    sensitivity: float | None
    specificity: float | None
    accuracy: float | None
    auc: float | None


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Scores over some pixels (PAPERS.md section 5).

    `f1`, `jaccard`, `sensitivity`, `specificity` and `auc` are means over the foreground
    classes, `iu` the mean over all classes of intersection over union, `accuracy` the share
    of pixels whose class is right. `classes` holds the foreground classes.
    """

    pixels: int
    f1: float | None
    iu: float | None
    jaccard: float | None
    sensitivity: float | None
    specificity: float | None
    accuracy: float | None
    auc: float | None
    classes: tuple[ClassScores, ...]


@dataclass(frozen=True, kw_only=True)
class ImageScores:
    """Scores of one image."""

    name: str
    scores: Scores


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Scores on a split, pooled over its pixels and per image, at `height` × `width`.

    `human` holds a second observer's pooled scores against the first, where there is one.
    """

    split: Literal["train", "validation", "test"]
    height: int
    width: int
    pooled: Scores
    images: tuple[ImageScores, ...]
    human: Scores | None


@dataclass(frozen=True, kw_only=True)
class ParityReport:
    """An export against the network it came from, over real images.

    `relative_error` is the largest absolute difference of logits over the largest absolute
    logit; `flipped_share` the share of pixels whose class changes; both of the export in fp32.
    `hops` follow the masks from the trained network to what ships, where there is a ground
    truth; none were followed in reports of older versions and of golden outputs.
    """

    images: int
    relative_error: float
    relative_error_limit: float
    flipped_share: float
    flipped_share_limit: float
    hops: tuple[Hop, ...] = ()

    @property
    def passed(self) -> bool:
        """Both figures are inside their limits, and every hop is."""
        return (
            self.relative_error <= self.relative_error_limit
            and self.flipped_share <= self.flipped_share_limit
            and all(hop.passed for hop in self.hops)
        )

    @property
    def failed(self) -> tuple[tuple[Hop, Clause], ...]:
        """Every clause that a hop fails by, in order."""
        return tuple((hop, c) for hop in self.hops for c in hop.clauses if not c.passed)


@dataclass(frozen=True, kw_only=True)
class MemoryReport:
    """Peak resident memory of a fresh process over loading and `inferences` inferences.

    `base_bytes` is the peak after importing the runtime and before loading the model, so
    peak − base is what the model itself costs.
    """

    peak_bytes: int
    base_bytes: int
    inferences: int
    environment: Environment


@dataclass(frozen=True, kw_only=True)
class MemorySample:
    """Resident memory of a process at a time after its start."""

    at_s: float
    resident_bytes: int


@dataclass(frozen=True, kw_only=True)
class RamProof:
    """`inferences` inferences in a fresh process that the system held to `limit_bytes`.

    `killed` says that the limit ended the process. `peak_bytes` is the largest resident memory
    that it had, `slack_bytes` what was left of the limit, negative where the process holds more
    than the limit: `group` (control groups of version 1 or 2) charges pages of libraries to
    whoever read them first, so a process may hold more than it is charged for. `charged_bytes`
    is the most that was charged, where the system says. `samples` are spread over the whole run.
    """

    engine: str
    limit_bytes: int
    inferences: int
    killed: bool
    peak_bytes: int
    slack_bytes: int
    charged_bytes: int | None
    group: Literal["v1", "v2"]
    seconds: float
    samples: tuple[MemorySample, ...]
    environment: Environment

    @property
    def held(self) -> bool:
        """The process ran to its end, and never had more memory than the limit."""
        return not self.killed and self.slack_bytes >= 0


@dataclass(frozen=True, kw_only=True)
class Percentile:
    """A percentile of latency; `value_ms` is None with fewer samples than it `needs`.

    The true percentile is not above `upper_ms`, with 99 % confidence.
    """

    rank: float
    value_ms: float | None
    needs: int
    upper_ms: float | None = None


@dataclass(frozen=True, kw_only=True)
class Window:
    """A part of a run, from `start_s` on: its median, the working core's clock, the hottest sensor.

    Clock and temperature are None where they were not shown in it.
    """

    start_s: float
    samples: int
    p50_ms: float
    clock_mhz: float | None
    temperature_c: float | None


@dataclass(frozen=True, kw_only=True)
class LatencyReport:
    """Times of one model on one machine, raw samples kept in their order, in milliseconds.

    `drift` is the relative difference of the medians of the two halves; `problems` says
    why the run is not valid, and is empty where it is; `notes` says what else has to be known.
    `duration_s` is what was asked for, None where a number of samples was. Percentiles are those
    of the samples from `steady_from` on, which is 0 but in a long run that took time to settle.
    """

    load_ms: float
    first_ms: float
    warm_up: int
    samples_ms: tuple[float, ...]
    percentiles: tuple[Percentile, ...]
    drift: float
    problems: tuple[str, ...]
    environment: Environment
    duration_s: float | None = None
    steady_from: int = 0
    windows: tuple[Window, ...] = ()
    notes: tuple[str, ...] = ()
    conditions: Conditions | None = None

    @property
    def valid(self) -> bool:
        """Nothing speaks against reporting these times."""
        return not self.problems

    @property
    def energy_mj(self) -> float | None:
        """Millijoules for one inference, the idle machine's included; None without a meter."""
        energy = self.conditions.energy if self.conditions is not None else None
        return None if energy is None else energy.joules * 1e3 / len(self.samples_ms)

    def percentile_ms(self, rank: float) -> float | None:
        """The value of percentile `rank` (0 to 100), None where it may not be given."""
        return next((p.value_ms for p in self.percentiles if p.rank == rank), None)


GateStatus = Literal["passed", "failed", "not verified on target", "not verified", "no limit"]


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One limit against its measurement, in `unit`; `where` names the machine measured on."""

    name: Literal["parity", "disk", "ram", "latency", "accuracy"]
    status: GateStatus
    measured: float | None
    limit: float | None
    unit: Literal["bytes", "ms", "share", ""]
    where: str
    note: str = ""
