"""The summary at a build's end, as text: every number says what kind of fact it is."""

from __future__ import annotations

from ccnet_edge.report.figures import (
    SCORE_NAMES,
    accuracy_rows,
    gate_text,
    headline,
    latency_text,
    network_figures,
)
from ccnet_edge.spec.build import BuildSummary
from ccnet_edge.units import format_bytes, format_ms


def describe_build(summary: BuildSummary) -> str:
    """The whole summary, one figure a line, for a terminal of 100 columns."""
    test = summary.request.data.test
    lines = [
        f"{summary.request.profile.title}: {headline(summary)}",
        "",
        f"data       {_data(summary)}",
        f"network    {_network(summary)}",
        *(_row(f.name, f.text, f.kind) for f in network_figures(summary)),
        "",
        f"accuracy on {test} test images, pooled over pixels  [measured]",
        _columns("", SCORE_NAMES),
        *(_columns(name, values) for name, values in accuracy_rows(summary)),
        "",
        "gates",
        *(
            _row(gate.name, f"{gate.status:<23} {gate_text(gate)}", gate.where)
            for gate in summary.gates
        ),
        "",
        *_latency(summary),
        "",
        f"archive    {summary.archive} ({format_bytes(summary.archive_bytes)})",
        f"sha256     {summary.archive_sha256}",
    ]
    return "\n".join(lines)


def _data(summary: BuildSummary) -> str:
    data = summary.request.data
    j = summary.complexity.scales[0].j
    spread = f" ± {j.half_width:.4f}" if j.half_width is not None else ""
    counts = f"{data.train} train, {data.validation} validation, {data.test} test"
    skipped = f", {len(data.skipped)} skipped" if data.skipped else ""
    return f"{data.name}: {counts}{skipped}; J {j.value:.4f}{spread} (measured)"


def _network(summary: BuildSummary) -> str:
    request = summary.request
    widths = "-".join(map(str, summary.solution.widths))
    shape = f"{request.data.channels}×{request.height}×{request.width}"
    return f"{request.architecture} {widths} ({summary.solution.multiplier}), input {shape}"


def _latency(summary: BuildSummary) -> list[str]:
    latency = summary.latency
    start = f"load {format_ms(latency.load_ms)}, first inference {format_ms(latency.first_ms)}"
    machine = f"{summary.environment.processor}, {summary.options.threads} threads"
    return [
        f"latency    {latency_text(latency)}",
        f"  {start}; on {machine}",
        *(f"  not valid: {problem}" for problem in latency.problems),
    ]


def _row(name: str, text: str, kind: str) -> str:
    return f"  {name:<24} {text}  [{kind}]"


def _columns(name: str, values: tuple[str, ...]) -> str:
    return f"  {name:<18}" + "".join(f"{value:>12}" for value in values)
