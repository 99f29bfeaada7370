"""The protocol: peak memory in one fresh process, times in another, judged by the limits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ccnet_edge.bench.hosts import Host, LocalHost
from ccnet_edge.bench.subject import Subject
from ccnet_edge.device.gates import INSTRUCTION_SETS, claimed_target, latency_gate, ram_gate
from ccnet_edge.device.judgement import gate_line
from ccnet_edge.device.memory import INFERENCES
from ccnet_edge.device.timer import STANDARD, WARM_UP, Extent
from ccnet_edge.errors import (
    BudgetExceededError,
    ConfigError,
    DeviceError,
    InvalidMeasurementError,
    LatencyMissedError,
)
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.build import TriedOptions
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.spec.report import Environment, Gate, LatencyReport, MemoryReport
from ccnet_edge.spec.target import DeviceProfile

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class BenchReport:
    """What was measured of `subject` on `host`, against the limits that it came with.

    `on_target` says whether the host is the target itself; elsewhere no limit is judged. `tried`
    are the options that were tuned over, none where the subject's own were taken.
    """

    subject: str
    host: str
    on_target: bool
    options: SessionOptions
    shape: tuple[int, int, int, int]
    memory: MemoryReport
    latency: LatencyReport
    gates: tuple[Gate, ...]
    tried: tuple[TriedOptions, ...] = ()


def run_bench(
    subject: Subject,
    host: Host,
    *,
    on_target: bool,
    extent: Extent = STANDARD,
    progress: Progress = silent,
) -> BenchReport:
    """Memory and latency of `subject` on `host`; see `benchmark` and `peak_memory`.

    Args:
        subject: what is measured, with its limits.
        host: where.
        on_target: the host is said to be the target; it is believed where its instruction set
            is the target's.
        extent: how long the latency is measured.
        progress: told about stage "bench".

    Raises:
        DeviceError: the host was not reached, or a command failed there.
    """
    model, options, shape = subject.model, subject.options, subject.shape
    if subject.runtime is not None:
        host.use(subject.runtime)
    progress("bench", done=0, total=2, note=f"memory on {host.name}")
    memory = peak_memory(host, model, options, shape=shape)
    progress("bench", done=1, total=2, note=f"latency on {host.name}")
    latency = benchmark(host, model, options, shape=shape, extent=extent)
    progress("bench", done=2, total=2)
    on_target = on_target and _may_be(subject.target, memory.environment)
    return BenchReport(
        subject=subject.name,
        host=host.name,
        on_target=on_target,
        options=options,
        shape=shape,
        memory=memory,
        latency=latency,
        gates=(
            ram_gate(memory, limit=subject.ram_bytes, on_target=on_target),
            latency_gate(latency, limit=subject.latency_ms, on_target=on_target),
        ),
    )


def counts_as_target(host: Host, subject: Subject, *, said: bool = False) -> bool:
    """Whether the host is the subject's target: a device over ssh is, this machine may be.

    Args:
        host: where.
        subject: what is measured; a bare model file has no target.
        said: a person says that it is.

    Raises:
        UsageError: it was said of this machine, which has another instruction set.
    """
    if isinstance(host, LocalHost):
        return subject.target is not None and claimed_target(subject.target, said=said)
    return True


def benchmark(
    host: Host,
    model: Path,
    options: SessionOptions,
    *,
    shape: Sequence[int],
    extent: Extent = STANDARD,
    warm_up: int = WARM_UP,
    watch: bool = True,
) -> LatencyReport:
    """Times of `model` on `host`: load, first inference, percentiles after warm-up, raw samples.

    A run that is not valid is a result like any other here; `require_valid` makes it an error.

    Args:
        host: where.
        model: the model file.
        options: the engine and how it is set up.
        shape: of the input, [1, C, H, W].
        extent: how long.
        warm_up: inferences after the first that do not count.
        watch: look at the machine meanwhile, and judge what is seen.

    Raises:
        DeviceError: the host was not reached, or the command failed there.
    """
    arguments = [*_model_arguments(options, shape), "--warm-up", str(warm_up)]
    arguments += ["--time-limit", str(extent.time_limit_s)]
    arguments += [] if extent.samples is None else ["--samples", str(extent.samples)]
    arguments += [] if extent.duration_s is None else ["--duration", str(extent.duration_s)]
    arguments += [] if watch else ["--no-watch"]
    return ask(host, "latency", model, arguments, LatencyReport)


def peak_memory(
    host: Host,
    model: Path,
    options: SessionOptions,
    *,
    shape: Sequence[int],
    inferences: int = INFERENCES,
) -> MemoryReport:
    """Peak resident memory of a fresh process on `host`, over loading and `inferences`.

    Raises:
        DeviceError: the host was not reached, or the command failed there.
    """
    arguments = [*_model_arguments(options, shape), "--inferences", str(inferences)]
    return ask(host, "memory", model, arguments, MemoryReport)


def require_valid(latency: LatencyReport) -> None:
    """Raise where the times may not be reported.

    Raises:
        InvalidMeasurementError: too few samples, or a median that drifts.
    """
    if not latency.valid:
        raise InvalidMeasurementError(
            f"the latency is no valid measurement: {'; '.join(latency.problems)}",
            hint="take more samples on a quiet machine that keeps its clock",
        )


def check(report: BenchReport, *, require_target: bool = False) -> None:
    """Raise for what is wrong with a report, the worst first.

    Args:
        report: what was measured.
        require_target: a limit that was not judged, since this is not the target, is an error.

    Raises:
        BudgetExceededError: the process's memory is over its limit on the target.
        LatencyMissedError: the p90 is over its limit on the target.
        InvalidMeasurementError: the times are not valid, wherever they were taken, or a limit
            had to be judged and was not.
    """
    errors = {"ram": BudgetExceededError, "latency": LatencyMissedError}
    where = f"{report.subject} on {report.host}"
    for gate in report.gates:
        if gate.status == "failed":
            raise errors[gate.name](f"{where}: {gate_line(gate)}")
    require_valid(report.latency)
    for gate in report.gates:
        if require_target and gate.status == "not verified on target":
            raise InvalidMeasurementError(
                f"{where}: {gate_line(gate)}",
                hint="measure on the device: --host ssh://user@device, or --on-target there",
            )


def _may_be(target: DeviceProfile | None, found: Environment) -> bool:
    """A machine with another instruction set is not the target, whatever was said."""
    machine = found.machine.lower()
    return target is None or INSTRUCTION_SETS.get(machine, machine) == target.instruction_set


def _model_arguments(options: SessionOptions, shape: Sequence[int]) -> list[str]:
    # On one line: over ssh it is a word of a shell's command.
    compact = json.dumps(serial.to_dict(options), separators=(",", ":"))
    return ["--shape", ",".join(map(str, shape)), "--options", compact]


def ask(host: Host, command: str, model: Path, arguments: Sequence[str], kind: type[T]) -> T:
    """The `kind` that a command of the device wing prints on `host`; see `Host.run`.

    Raises:
        DeviceError: the host was not reached, or the command failed or printed something else.
    """
    return printed(host.run(command, model, arguments), kind, host, command)


def printed(text: str, kind: type[T], host: Host, command: str) -> T:
    """The `kind` in what a command of the device wing printed.

    Raises:
        DeviceError: it is none.
    """
    try:
        return serial.from_json(kind, text, where=f"{command} on {host.name}")
    except ConfigError as error:
        raise DeviceError(
            f"{host.name} did not print a {kind.__name__}: {error}",
            hint="the bundle's runtime may be of another version of ccnet-edge: pack it again",
        ) from error
