"""Peak resident memory of a process that does nothing but run a network."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from ccnet_edge.device.backends import load_engine
from ccnet_edge.device.environment import device_command, environment
from ccnet_edge.device.timer import noise
from ccnet_edge.errors import DeviceError
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.report import MemoryReport

INFERENCES = 100
# All of the device wing that segments images: part of the base, though measuring needs less.
RUNTIME_MODULE = "ccnet_edge.device.run"
TIMEOUT_S = 3600.0

T = TypeVar("T")


def peak_bytes() -> int:
    """The largest resident memory that this process has had so far.

    VmHWM where the system has it. NOTE: getrusage's figure is only the way out elsewhere: on
    Linux it starts with what the parent had when it forked, so a small child of a large
    process reads as large.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return _rusage_bytes()
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return _rusage_bytes()


def child_peak_bytes(pid: int) -> int:
    """The largest resident memory that another process has had so far.

    Raises:
        DeviceError: it is gone, or this system does not say.
    """
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        return next(int(x.split()[1]) * 1024 for x in lines.splitlines() if x.startswith("VmHWM:"))
    except (OSError, StopIteration) as error:
        raise DeviceError(f"the memory of process {pid} could not be read: {error}") from error


def measure_here(
    model: Path,
    options: SessionOptions,
    *,
    shape: Sequence[int],
    inferences: int = INFERENCES,
) -> MemoryReport:
    """Memory over loading `model` and `inferences` inferences, in this very process.

    It is the model's only where the process has done nothing else: see `measure_fresh`.

    Args:
        model: the model file.
        options: the engine and how it is set up.
        shape: of the input, [1, C, H, W].
        inferences: how many.
    """
    opener = load_engine(options.engine)
    if options.engine == "native":
        return _measure_runner(model, options, shape=shape, inferences=inferences)
    importlib.import_module(RUNTIME_MODULE)
    base = peak_bytes()
    session = opener(model, options)
    x = noise(shape)
    for _ in range(inferences):
        session.run(x)
    # An engine that runs in a process of its own has its memory there.
    child = getattr(session, "pid", None)
    peak = peak_bytes() + (child_peak_bytes(child) if child is not None else 0)
    session.close()
    return MemoryReport(
        peak_bytes=peak, base_bytes=base, inferences=inferences, environment=environment()
    )


def _measure_runner(
    model: Path, options: SessionOptions, *, shape: Sequence[int], inferences: int
) -> MemoryReport:
    """Memory of the native engine's own runner: a C program, without Python.

    Its base is what is left of the peak without arena, weights, image and mask.
    """
    from ccnet_edge.device.backends.native_program import run_program

    peak, network = run_program(model, options, shape=shape, inferences=inferences)
    return MemoryReport(
        peak_bytes=peak,
        base_bytes=peak - network,
        inferences=inferences,
        environment=environment(),
    )


def measure_fresh(
    model: Path,
    options: SessionOptions,
    *,
    shape: Sequence[int],
    inferences: int = INFERENCES,
    timeout_s: float = TIMEOUT_S,
) -> MemoryReport:
    """The same in a fresh process of the device wing: what a RAM budget means.

    Raises:
        DeviceError: the process failed, was killed, or took longer than `timeout_s`.
    """
    arguments = ["--inferences", str(inferences)]
    return run_fresh(
        "memory",
        model,
        options,
        MemoryReport,
        shape=shape,
        arguments=arguments,
        timeout_s=timeout_s,
    )


def run_fresh(
    command: str,
    model: Path,
    options: SessionOptions,
    kind: type[T],
    *,
    shape: Sequence[int],
    arguments: Sequence[str] = (),
    timeout_s: float = TIMEOUT_S,
) -> T:
    """What `ccnet-device <command>` says of a model in a fresh process, as a `kind`.

    Raises:
        DeviceError: the process failed, was killed, or took longer than `timeout_s`.
    """
    words = fresh_command(command, model, options, shape=shape, arguments=arguments)
    what = f"the process that measures {command} of {model}"
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise DeviceError(f"{what} took longer than {timeout_s:.0f} s") from error
    if done.returncode < 0:
        raise DeviceError(
            f"{what} was killed by signal {-done.returncode}",
            hint="signal 9 is most often the system being out of memory",
        )
    if done.returncode:
        raise DeviceError(f"{what} ended with {done.returncode}: {done.stderr.strip()}")
    return serial.from_json(kind, done.stdout, where=what)


def fresh_command(
    command: str,
    model: Path,
    options: SessionOptions,
    *,
    shape: Sequence[int],
    arguments: Sequence[str] = (),
) -> list[str]:
    """The words that start `ccnet-device <command>` on a model afresh."""
    words = [*device_command(), command, str(model), "--shape", ",".join(map(str, shape))]
    return [*words, *arguments, "--options", serial.to_json(options)]


def _rusage_bytes() -> int:
    import resource

    # Linux counts in KiB, macOS in bytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
