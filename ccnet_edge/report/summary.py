"""The summary at a build's end, as text: every number says what kind of fact it is."""

from __future__ import annotations

from dataclasses import replace

from ccnet_edge.device.gates import place
from ccnet_edge.device.latency_text import percentile_text, start_text
from ccnet_edge.report.figures import (
    SCORE_NAMES,
    accuracy_rows,
    gate_kind,
    gate_text,
    headline,
    network_figures,
)
from ccnet_edge.report.hops import describe_hops
from ccnet_edge.report.kept import kept_lines
from ccnet_edge.spec.build import BuildSummary
from ccnet_edge.spec.report import Gate
from ccnet_edge.units import format_bytes, format_mib, format_threads


def describe_build(summary: BuildSummary) -> str:
    """The whole summary, one figure a line, for a terminal of 100 columns."""
    test = summary.request.data.test
    lines = [
        f"{summary.request.profile.title}: {headline(summary)}",
        "",
        f"data       {_data(summary)}",
        f"network    {_network(summary)}",
        *(_row(f.name, f.text, f.kind) for f in network_figures(summary)),
        *_precision(summary),
        "",
        f"accuracy on {test} test images, pooled over pixels  [measured]",
        *_accuracy(summary),
        "",
        "gates",
        *(_gate(summary, gate) for gate in summary.gates),
        *_proof(summary),
        "",
        *_hops(summary),
        *_latency(summary),
        "",
        f"archive    {summary.archive}, {format_bytes(summary.archive_bytes)}  [measured]",
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
    return f"{request.architecture} {widths} ({summary.solution.kind}), input {shape}"


def _precision(summary: BuildSummary) -> list[str]:
    """What was chosen and why, a line for each that was tried; nothing where nothing was."""
    choice = summary.precision
    kept = kept_lines(choice)
    if choice is None or not (choice.tried or kept):
        return []
    kind = "  [measured]" if choice.tried else ""
    lines = ["", f"precision  {choice.precision}: {choice.reason}{kind}"]
    lines += [f"  {line}" for line in kept]
    for one in choice.tried:
        dice = "n/a" if one.dice is None else f"{one.dice:.4f}"
        size = format_bytes(one.size_bytes)
        lines.append(
            f"  {one.precision}  {size:>8}, {one.time_over_fp32:.2f} of fp32's time, "
            f"Dice {dice} on validation images"
        )
    return lines


def _accuracy(summary: BuildSummary) -> list[str]:
    """Scores in columns as wide as their names, a line a network."""
    rows = accuracy_rows(summary)
    first = max(len(name) for name, _ in rows)
    table = [("", SCORE_NAMES), *rows]
    return [
        f"  {name:<{first}}"
        + "".join(
            f"  {value:>{max(len(title), 6)}}"
            for value, title in zip(values, SCORE_NAMES, strict=True)
        )
        for name, values in table
    ]


def _gate(summary: BuildSummary, gate: Gate) -> str:
    kind = gate_kind(summary, gate)
    if gate.name == "latency" and not summary.latency.valid:
        gate = replace(gate, note="not valid, see below")
    return f"  {gate.name:<9} {gate.status:<23} {gate_text(gate)}  [{kind}]"


def _proof(summary: BuildSummary) -> list[str]:
    """The process under a memory limit that the system enforced here, where that could be."""
    proof = summary.proof
    if proof is None:
        return []
    limit = format_mib(proof.limit_bytes)
    if not proof.held:
        return [f"  under a limit of {limit} the process did not stay inside it here  [measured]"]
    left = f"{format_mib(proof.slack_bytes)} left"
    return [f"  {proof.inferences} inferences held to {limit} on this machine: {left}  [measured]"]


def _hops(summary: BuildSummary) -> list[str]:
    """Masks at each hop, where there is more than the one that the parity gate is about."""
    if len(summary.parity.hops) < 2:
        return []
    title = f"masks at each hop, over {summary.parity.images} test images  [measured]"
    lines = describe_hops(summary.parity.hops).splitlines()
    return [title, *(f"  {line}".rstrip() for line in lines), ""]


def _latency(summary: BuildSummary) -> list[str]:
    latency, threads = summary.latency, format_threads(summary.options.threads)
    return [
        f"latency    {percentile_text(latency)}  [measured]",
        f"           {start_text(latency)}; {len(latency.samples_ms)} samples; {threads}",
        *(f"  not valid: {problem}" for problem in latency.problems),
        f"measured on {place(summary.environment)}",
    ]


def _row(name: str, text: str, kind: str) -> str:
    return f"  {name:<24} {text}  [{kind}]"
