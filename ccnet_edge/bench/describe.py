"""A benchmark's report for people."""

from __future__ import annotations

from ccnet_edge.bench.protocol import BenchReport
from ccnet_edge.device.gates import place
from ccnet_edge.device.verify import gate_line
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.report import LatencyReport, MemoryReport
from ccnet_edge.units import format_mib, format_ms


def describe(report: BenchReport) -> str:
    """The host, the options, memory, latency and a line a gate."""
    judged = "the target" if report.on_target else "not the target: no limit is judged"
    lines = [
        f"subject   {report.subject}, input {'×'.join(map(str, report.shape))}",
        f"host      {report.host}: {place(report.memory.environment)}; {judged}",
        f"options   {describe_options(report.options)}",
        f"memory    {_memory(report.memory)}",
        *_latency(report.latency),
    ]
    return "\n".join([*lines, *map(gate_line, report.gates)])


def describe_options(options: SessionOptions) -> str:
    """An engine's options in words."""
    threads = "1 thread" if options.threads == 1 else f"{options.threads} threads"
    switches = [
        f"{name} {'on' if on else 'off'}"
        for name, on in (("arena", options.arena), ("memory pattern", options.memory_pattern))
    ]
    if options.engine == "native":
        # The others are ONNX Runtime's.
        return f"native, {threads}"
    return ", ".join((options.engine, f"optimisation {options.optimisation}", *switches, threads))


def _memory(memory: MemoryReport) -> str:
    own = format_mib(memory.peak_bytes - memory.base_bytes)
    return (
        f"peak {format_mib(memory.peak_bytes)}, {own} of it the model's; "
        f"{memory.inferences} inferences in a fresh process"
    )


def _latency(latency: LatencyReport) -> list[str]:
    percentiles = [
        f"p{p.rank:g} {format_ms(p.value_ms)}"
        if p.value_ms is not None
        else f"p{p.rank:g} withheld (needs {p.needs} samples)"
        for p in latency.percentiles
    ]
    start = f"load {format_ms(latency.load_ms)}, first inference {format_ms(latency.first_ms)}"
    counted = f"{len(latency.samples_ms)} samples after {latency.warm_up} to warm up"
    return [
        f"latency   {', '.join(percentiles)}",
        f"          {start}; {counted}; drift {latency.drift:+.1%}",
        *(f"          not valid: {problem}" for problem in latency.problems),
    ]
