"""What thinner networks save at a share of the base network's accuracy (CC21 Fig. 13)."""

from __future__ import annotations

from dataclasses import dataclass

from ccnet_edge.spec.plan import Metric


@dataclass(frozen=True, kw_only=True)
class Rung:
    """A network of a sweep: its accuracy is the mean over `seeds` runs, on the test split."""

    widths: tuple[int, ...]
    weights: int
    seeds: int
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class SetGain:
    """One data set and architecture: the widest network, and the least that keeps the floor.

    `weights_ratio` is how many times fewer weights it has, `latency_ratio` how many times less
    time an inference takes: of medians, measured in the same turns on one thread.
    """

    name: str
    architecture: str
    height: int
    width: int
    base: Rung
    kept: Rung
    relative: float
    weights_ratio: float
    base_ms: float
    kept_ms: float
    latency_ratio: float


@dataclass(frozen=True, kw_only=True)
class LayerRemoved:
    """A layer's weights in the base network and in a plan, and the share that the plan removes."""

    node: str
    scale: int
    base_weights: int
    weights: int
    removed: float


@dataclass(frozen=True, kw_only=True)
class Gain:
    """The gain on every data set of a sweep at `floor` of the base's accuracy, and its means.

    Means are over `sets`; `layers` is of a plan, where one was given (CC21 Fig. 12b).
    """

    floor: float
    metric: Metric
    sets: tuple[SetGain, ...]
    mean_weights_ratio: float
    mean_latency_ratio: float
    geometric_weights_ratio: float
    geometric_latency_ratio: float
    layers: tuple[LayerRemoved, ...]
