"""Two models in turn on one machine: every launch's times, and whether the first is slower."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.report import Environment

Verdict = Literal["slower", "not slower", "undecided"]


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A model file with how it is run; `shape` is the input's, [1, C, H, W]."""

    name: str
    file: str
    options: SessionOptions
    shape: tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The model that is judged, and the one that it is judged by."""

    a: Contestant
    b: Contestant


@dataclass(frozen=True, kw_only=True)
class Launch:
    """A fresh process of each model, side by side, and what their turns gave.

    `ratio` is the median over the turns of A's time by B's in the same turn, without what either
    waited for a processor; `wall_ratio` the same with it. `a_ms` and `b_ms` are medians of the
    times that `ratio` is made of, `a_wall_ms` and `b_wall_ms` of whole ones.
    """

    turns: int
    ratio: float
    wall_ratio: float
    a_ms: float
    b_ms: float
    a_wall_ms: float
    b_wall_ms: float


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Whether A is slower than B, decided by `device.slowness.decide` over the launches.

    `ratio` is A's time by B's, `lower` to `upper` its 99 % interval; `margin` and `slowdown` are
    what counts as equal and what has to be found, as shares. `inferences` are those of one model
    that are timed in a turn. `clock` says whether what a process waited for a processor is left
    out, which needs an engine that computes in the thread that calls it, and a system that counts.
    """

    pair: Pair
    verdict: Verdict
    ratio: float
    lower: float
    upper: float
    margin: float
    slowdown: float
    launches: tuple[Launch, ...]
    inferences: int
    clock: Literal["wall", "wall without waiting"]
    seed: int
    seconds: float
    environment: Environment
