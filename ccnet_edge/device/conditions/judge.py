"""Whether what was measured under some conditions may be reported, and if not, why."""

from __future__ import annotations

import statistics

from ccnet_edge.spec.conditions import Conditions, Load

# Shares of the machine's cores that others used, of the cores' time that a hypervisor took, and
# of the time that the measured thread waited for a core. Each moves a p99 before a median.
OTHERS_LIMIT = 0.10
STEAL_LIMIT = 0.01
WAITED_LIMIT = 0.02
# Between the 5th and the 95th percentile of the fastest core's clock, relative to the median.
CLOCK_LIMIT = 0.10
# Systems count in hundredths of a second: less than this says nothing about load.
LEAST_SECONDS = 0.5


def disturbances(conditions: Conditions) -> tuple[str, ...]:
    """What others did to the measurement: load, steal, waiting. Never its own doing."""
    load = conditions.load
    if load is None or conditions.seconds < LEAST_SECONDS:
        return ()
    return tuple(said for said in (_others(load), _steal(load), _waited(load)) if said)


def changes(conditions: Conditions) -> tuple[str, ...]:
    """What became of the machine under its own work: throttling, and a clock that changed."""
    said = [
        f"throttled from {each.from_s:.0f} s on: {each.what} ({each.source})"
        for each in conditions.throttled
    ]
    clock = _clock(conditions.fastest_mhz)
    return (*said, clock) if clock else tuple(said)


def _others(load: Load) -> str:
    used = load.others.mean or 0.0
    if used <= OTHERS_LIMIT * load.cores:
        return ""
    return (
        f"other processes used {used:.2f} of {load.cores} cores (limit "
        f"{OTHERS_LIMIT * load.cores:.2g})"
    )


def _steal(load: Load) -> str:
    if load.steal_share is None or load.steal_share <= STEAL_LIMIT:
        return ""
    return (
        f"a hypervisor gave {load.steal_share:.1%} of the processors' time to others (limit "
        f"{STEAL_LIMIT:.0%})"
    )


def _waited(load: Load) -> str:
    if load.waited_share is None or load.waited_share <= WAITED_LIMIT:
        return ""
    return (
        f"the process waited for a processor for {load.waited_share:.0%} of the time (limit "
        f"{WAITED_LIMIT:.0%})"
    )


def _clock(fastest_mhz: tuple[float, ...]) -> str:
    if len(fastest_mhz) < 2:
        return ""
    *_, high = cuts = statistics.quantiles(fastest_mhz, n=20, method="inclusive")
    low = cuts[0]
    if high - low <= CLOCK_LIMIT * statistics.median(fastest_mhz):
        return ""
    return (
        f"the fastest core's clock went between {low:.0f} and {high:.0f} MHz (limit "
        f"{CLOCK_LIMIT:.0%})"
    )
