"""A benchmark's report for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ccnet_edge.bench.protocol import BenchReport
from ccnet_edge.device.gates import place
from ccnet_edge.device.judgement import gate_line
from ccnet_edge.device.latency_text import (
    machine_rows,
    percentile_text,
    samples_text,
    start_text,
)
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.report import Environment, Gate, LatencyReport, MemoryReport
from ccnet_edge.units import format_mib, format_threads


def describe(report: BenchReport) -> str:
    """The host, the options, memory, latency, the machine meanwhile, a line a gate, the verdict."""
    judged = "the target" if report.on_target else "not the target: no limit is judged"
    lines = [
        f"subject   {report.subject}, input {'×'.join(map(str, report.shape))}",
        f"host      {report.host}: {place(report.memory.environment)}; {judged}",
        f"options   {describe_options(report.options)}",
        *_tried(report),
        f"memory    {_memory(report.memory)}",
        f"latency   {percentile_text(report.latency, bounds=True)}",
        f"          {start_text(report.latency)}; {samples_text(report.latency)}",
        *(f"{name:<9} {text}" for name, text in machine_rows(report.latency)),
        *(f"note      {note}" for note in report.latency.notes),
        f"versions  {_versions(report.memory.environment)}",
        *(_gate(gate, report.latency) for gate in report.gates),
        *verdict(report.latency.problems),
    ]
    return "\n".join(lines)


def _tried(report: BenchReport) -> list[str]:
    """What the options were chosen from, a line each, in the order of their times."""
    lines = [
        f"{'  chosen' if one.options == report.options else '  tried':<9} "
        f"{describe_options(one.options)}: {format_mib(one.peak_bytes)}, {one.p50_ms:.3g} ms"
        for one in sorted(report.tried, key=lambda one: one.p50_ms)
    ]
    limit = next((gate.limit for gate in report.gates if gate.name == "ram"), None)
    if limit is not None and lines and all(one.peak_bytes > limit for one in report.tried):
        lines.append(f"          none of them stays in {format_mib(limit)}: this is the leanest")
    return lines


def verdict(problems: Sequence[str]) -> list[str]:
    """VALID, or INVALID with a reason a line."""
    if not problems:
        return ["VALID"]
    return [
        f"{'INVALID' if number == 0 else '':<9} {problem}"
        for number, problem in enumerate(problems)
    ]


def describe_options(options: SessionOptions) -> str:
    """An engine's options in words."""
    threads = format_threads(options.threads)
    switches = [
        f"{name} {'on' if on else 'off'}"
        for name, on in (("arena", options.arena), ("memory pattern", options.memory_pattern))
    ]
    if options.engine != "onnxruntime":
        # The others are ONNX Runtime's.
        return f"{options.engine}, {threads}"
    return ", ".join((options.engine, f"optimisation {options.optimisation}", *switches, threads))


def _gate(gate: Gate, latency: LatencyReport) -> str:
    if gate.name == "latency" and not latency.valid:
        gate = replace(gate, note="not valid, see below")
    return gate_line(gate)


def _memory(memory: MemoryReport) -> str:
    own = format_mib(memory.peak_bytes - memory.base_bytes)
    return (
        f"peak {format_mib(memory.peak_bytes)}, {own} of it the model's; "
        f"{memory.inferences} inferences in a fresh process"
    )


def _versions(environment: Environment) -> str:
    found = [f"{name} {version}" for name, version in environment.versions]
    return ", ".join([*found, f"Python {environment.python}", environment.system])
