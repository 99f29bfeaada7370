"""A latency report for people: percentiles, how it went, the machine meanwhile, and the verdict."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from ccnet_edge.spec.conditions import Conditions, Series
from ccnet_edge.spec.report import LatencyReport, Percentile
from ccnet_edge.units import format_ms

Rows = tuple[tuple[str, str], ...]
# Medians by window that are shown of a run that is longer.
SHOWN = 12


def percentile_text(latency: LatencyReport, *, bounds: bool = False) -> str:
    """Percentiles; those with too few samples are withheld and say so.

    Args:
        latency: what was measured.
        bounds: also what each is not above, with 99 % confidence.
    """
    return ", ".join(_percentile(p, bounds=bounds) for p in latency.percentiles)


def start_text(latency: LatencyReport) -> str:
    """What comes before the samples."""
    return f"load {format_ms(latency.load_ms)}, first inference {format_ms(latency.first_ms)}"


def samples_text(latency: LatencyReport) -> str:
    """How many samples there are, and how long they took."""
    seconds = sum(latency.samples_ms) / 1e3
    counted = f"{len(latency.samples_ms)} samples in {format_ms(seconds * 1e3)}"
    if latency.steady_from:
        counted += f", of which the first {latency.steady_from} are not of the steady state"
    return f"{counted}, after {latency.warm_up} to warm up; drift {latency.drift:+.1%}"


def machine_rows(latency: LatencyReport) -> Rows:
    """(what, text) of the machine meanwhile; what it does not show is said as well."""
    seen = latency.conditions
    if seen is None:
        return (("machine", "not watched"),)
    missing = dict(each.split(": ", 1) for each in seen.missing)
    rows = (
        ("over time", _windows(latency)),
        ("clock", _clock(seen) or missing.get("clocks", "")),
        ("heat", _hottest(seen.temperatures) or missing.get("temperatures", "")),
        ("throttled", _throttled(seen) or missing.get("throttling", "")),
        ("energy", _energy(latency, seen) or missing.get("energy", "")),
        ("load", _load(seen) or missing.get("other load", "")),
        ("watching", f"{len(seen.at_s)} looks, {seen.watcher_share:.2%} of a core"),
    )
    return tuple((name, text) for name, text in rows if text)


def _percentile(p: Percentile, *, bounds: bool) -> str:
    if p.value_ms is None:
        return f"p{p.rank:g} withheld (needs {p.needs} samples)"
    bound = f" (≤ {format_ms(p.upper_ms)})" if bounds and p.upper_ms is not None else ""
    return f"p{p.rank:g} {format_ms(p.value_ms)}{bound}"


def _windows(latency: LatencyReport) -> str:
    """Medians by window, as many as fit on a line."""
    parts = latency.windows
    step = -(-len(parts) // SHOWN)
    shown = [parts[i] for i in range(0, len(parts), max(1, step))]
    return "p50 " + " ".join(f"{part.p50_ms:.3g}" for part in shown) + " ms" if shown else ""


def _clock(seen: Conditions) -> str:
    clocks = seen.fastest_mhz
    if not clocks:
        return ""
    governor = f", governor {seen.governor}" if seen.governor else ""
    return f"fastest core {_range(clocks, 'MHz')}{governor} ({seen.clocks[0].source})"


def _hottest(temperatures: Sequence[Series]) -> str:
    known = [series for series in temperatures if series.known]
    if not known:
        return ""
    hottest = max(known, key=lambda series: max(series.known))
    return f"{hottest.name} {_range(hottest.known, '°C')}, the hottest of {len(known)}"


def _throttled(seen: Conditions) -> str:
    if seen.throttled:
        return "; ".join(f"{each.what}, from {each.from_s:.0f} s on" for each in seen.throttled)
    return "no" if seen.throttle_sources else ""


def _energy(latency: LatencyReport, seen: Conditions) -> str:
    if seen.energy is None or latency.energy_mj is None:
        return ""
    watts = seen.energy.joules / seen.seconds
    return (
        f"{latency.energy_mj:.3g} mJ an inference, {watts:.3g} W, idle included "
        f"({seen.energy.source})"
    )


def _load(seen: Conditions) -> str:
    load = seen.load
    if load is None:
        return ""
    others = load.others.mean
    texts = [f"others used {others:.2f} of {load.cores} cores" if others is not None else ""]
    texts += [
        f"{what} {share:.1%}"
        for what, share in (
            ("a hypervisor took", load.steal_share),
            ("waited for a processor", load.waited_share),
        )
        if share is not None
    ]
    return ", ".join(text for text in texts if text)


def _range(values: Sequence[float], unit: str) -> str:
    low, high = min(values), max(values)
    middle = f"{statistics.median(values):.0f} {unit}"
    return middle if round(low) == round(high) else f"{middle} ({low:.0f} to {high:.0f})"
