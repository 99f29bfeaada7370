"""A solution as text: per scale, and as a whole next to the base network and the other plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from ccnet_edge.spec.plan import Estimate, Limit, Prediction, Solution
from ccnet_edge.units import format_bytes, format_mib, format_mib_range, format_ms

_PRECISIONS = {64: "64 bits", 32: "fp32", 16: "fp16", 8: "int8"}
_LIMITS: dict[Limit, str] = {
    "accuracy": "accuracy floor",
    "base": "none: this is the base network",
    "disk": "disk",
    "latency": "latency",
    "memory": "memory of the network",
    "ram": "memory of the process",
}

Row = tuple[str, ...]


def describe(solution: Solution) -> str:
    """The plan for people; every figure of it is an estimate, and says so."""
    parts = (_title(solution), _scale_table(solution), _whole_table(solution), _notes(solution))
    return "\n\n".join(parts)


def _title(solution: Solution) -> str:
    at = solution.estimate
    channels = solution.network.in_channels
    precision = _PRECISIONS.get(at.bits, f"{at.bits} bits")
    preset = solution.degradation
    how = f"{solution.multiplier} plan ({solution.formulation} formulation)"
    if solution.given:
        how = "as it was given, not solved for"
    return (
        f"{solution.network.architecture}, {how}\n"
        f"input {channels} x {at.height} x {at.width}, {precision}; "
        f"preset {preset.preset} for {preset.metric.upper()}: {preset.source}"
    )


def _scale_table(solution: Solution) -> str:
    continuous = any(scale.continuous_channels is not None for scale in solution.scales)
    head = ("scale", "C", "base", *(("continuous",) if continuous else ()))
    rows: list[Row] = [(*head, "channels", "weights", "predicted loss")]
    for i, scale in enumerate(solution.scales):
        exactly = scale.continuous_channels
        rows.append(
            (
                "input" if i == 0 else f"/{2**i}",
                f"{scale.complexity:.4f}",
                str(scale.base_channels),
                *((f"{exactly:.2f}" if exactly is not None else "-",) if continuous else ()),
                str(scale.channels),
                f"{scale.weights:,}",
                f"{scale.loss:.2%}",
            )
        )
    return _aligned(rows)


def _whole_table(solution: Solution) -> str:
    """The plan's figures beside those of the networks that it is compared with."""
    others = solution.alternatives
    names = [f"{other.name} network" if other.name == "base" else other.name for other in others]
    costs = [solution.estimate, *(other.estimate for other in others)]
    rows: list[Row] = [("estimates", "this network" if solution.given else "this plan", *names)]
    rows.append(("channels", *("-".join(map(str, w)) for w in _widths(solution))))
    rows += [(name, *(text(cost) for cost in costs)) for name, text in _FIGURES]
    rows += _accuracy_rows(solution)
    rows.append(("inside the limits", _yes(not solution.exceeded), *(_yes(o.fits) for o in others)))
    return _aligned(rows)


def _accuracy_rows(solution: Solution) -> list[Row]:
    """Predicted accuracy, relative and, where the base network's is known, absolute."""
    predicted, others = solution.predicted, solution.alternatives
    found = [(predicted.relative, predicted.half_width)]
    found += [(other.relative_accuracy, other.half_width) for other in others]
    metric = predicted.metric.upper()
    rows: list[Row] = [(f"predicted relative {metric}", *(f"{x:.1%}" for x, _ in found))]
    if any(half is not None for _, half in found):
        name = f"  {predicted.confidence:.0%} interval"
        rows.append((name, *("" if half is None else f"± {half:.1%}" for _, half in found)))
    if predicted.base is not None:
        rows.append((f"predicted {metric}", *(f"{predicted.base * x:.4f}" for x, _ in found)))
    return rows


def _widths(solution: Solution) -> list[tuple[int, ...]]:
    return [solution.widths, *(other.widths for other in solution.alternatives)]


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


def _process(cost: Estimate, peak: float) -> str:
    return format_mib_range(peak, cost.ram_least_bytes, cost.ram_most_bytes)


def _unknown(text: Callable[[float], str], amount: float | None) -> str:
    return "not known" if amount is None else text(amount)


_FIGURES: tuple[tuple[str, Callable[[Estimate], str]], ...] = (
    ("weights", lambda cost: f"{cost.weights:,}"),
    ("log θ", lambda cost: f"{cost.log_theta:.3f}"),
    ("disk", lambda cost: format_bytes(cost.disk_bytes)),
    ("network's peak memory", lambda cost: format_mib(cost.memory_bytes)),
    ("values held (θ_mem)", lambda cost: f"{cost.held_values:,}"),
    ("process RAM", lambda cost: _unknown(partial(_process, cost), cost.ram_bytes)),
    ("multiply-adds", lambda cost: f"{cost.macs / 1e9:.3g} G"),
    ("latency", lambda cost: _unknown(format_ms, cost.latency_ms)),
)


def _notes(solution: Solution) -> str:
    lines = [_binding(solution)] if solution.binding or solution.exceeded else []
    lines += [f"limits: {_limits(solution)}"]
    if solution.unchecked:
        names = " and ".join(_LIMITS[limit] for limit in solution.unchecked)
        lines.append(
            f"NOT CHECKED: {names}: "
            "no memory model of the engine, or no speed of the device, is known"
        )
    if solution.estimate.ram_note:
        lines.append(f"process RAM: {solution.estimate.ram_note}: its interval is wider for it")
    lines.append(_accuracy_note(solution.predicted, solution.degradation.preset))
    lines += [f"WARNING: {warning}" for warning in solution.predicted.warnings]
    return "\n".join(lines)


def _binding(solution: Solution) -> str:
    if solution.given:
        names = " and ".join(_LIMITS[limit] for limit in solution.exceeded)
        return f"OVER THE LIMIT, by estimate: {names}"
    return f"binding limit: {' and '.join(_LIMITS[limit] for limit in solution.binding)}"


def _limits(solution: Solution) -> str:
    limits = solution.limits
    found = [
        f"{name} {text}"
        for name, text in (
            ("disk", limits.disk_bytes and format_bytes(limits.disk_bytes)),
            ("memory", limits.memory_bytes and format_bytes(limits.memory_bytes)),
            ("ram", limits.ram_bytes and format_bytes(limits.ram_bytes)),
            ("latency", limits.latency_ms and format_ms(limits.latency_ms)),
            (
                "accuracy",
                limits.min_relative_accuracy and f"{limits.min_relative_accuracy:.1%} of the base",
            ),
        )
        if text
    ]
    aim = "" if solution.minimised is None else f"; least {solution.minimised}"
    return ", ".join(found) + aim


def _accuracy_note(predicted: Prediction, preset: str) -> str:
    kind = (
        "calibrated with this J"
        if predicted.calibrated
        else f"uncalibrated: preset {preset} has a J of its own"
    )
    if predicted.half_width is None:
        kind += f", and preset {preset} has no residuals to make an interval of"
    if predicted.base is None:
        return f"accuracy: predicted, not verified: no base network's score is known; {kind}"
    return f"accuracy: predicted from a base of {predicted.base:.4f}, not measured; {kind}"


def _aligned(rows: Sequence[Row]) -> str:
    """Rows as columns: the first flush left, the others flush right."""
    sizes = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = (
        "  ".join(
            text.ljust(size) if column == 0 else text.rjust(size)
            for column, (text, size) in enumerate(zip(row, sizes, strict=True))
        )
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)
