"""What else was going on in a machine while it was measured, as far as its system shows it."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Literal

Unit = Literal["MHz", "°C", "W", "cores"]


@dataclass(frozen=True, kw_only=True)
class Series:
    """One figure over time, a value for each of `Conditions.at_s`; None where it was not shown.

    `source` is the file, or the program, that shows it.
    """

    name: str
    unit: Unit
    source: str
    values: tuple[float | None, ...]

    @property
    def known(self) -> tuple[float, ...]:
        """The values that were shown."""
        return tuple(value for value in self.values if value is not None)

    @property
    def mean(self) -> float | None:
        """The mean of the values that were shown."""
        return statistics.fmean(self.known) if self.known else None

    def between(self, start_s: float, end_s: float, at_s: tuple[float, ...]) -> float | None:
        """The mean over a part of the time; None where nothing was shown in it."""
        inside = [
            value
            for at, value in zip(at_s, self.values, strict=True)
            if value is not None and start_s <= at <= end_s
        ]
        return statistics.fmean(inside) if inside else None


@dataclass(frozen=True, kw_only=True)
class Throttling:
    """The system held the processor back: what it said, where, and from when on."""

    what: str
    source: str
    from_s: float


@dataclass(frozen=True, kw_only=True)
class Energy:
    """What a meter counted for all that it measures, the idle machine's share included."""

    joules: float
    source: str


@dataclass(frozen=True, kw_only=True)
class Load:
    """Who else used the processors.

    `others` are the cores that processes other than the measured one and its children used;
    `steal_share` is the share of the cores' time that a hypervisor gave to someone else,
    `waited_share` of the time that the measured thread was ready and not running, and
    `pressure_share` of the time that anything in the machine was; None where it is not shown.
    """

    cores: int
    others: Series
    steal_share: float | None
    waited_share: float | None
    pressure_share: float | None


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """The machine over `seconds`, looked at `at_s`.

    `throttle_sources` is what would have said that the processor is held back, `missing` what the
    system does not show, and `watcher_share` the share of one core that looking itself took.
    """

    seconds: float
    at_s: tuple[float, ...]
    governor: str
    clocks: tuple[Series, ...]
    temperatures: tuple[Series, ...]
    power: tuple[Series, ...]
    energy: Energy | None
    load: Load | None
    throttled: tuple[Throttling, ...]
    throttle_sources: tuple[str, ...]
    missing: tuple[str, ...]
    watcher_share: float

    @property
    def fastest_mhz(self) -> tuple[float, ...]:
        """The fastest core's clock at each look: the one that does the work."""
        looks = zip(*(series.values for series in self.clocks), strict=True)
        known = [[value for value in look if value is not None] for look in looks]
        return tuple(max(look) for look in known if look)
