"""The proof of a memory budget: inferences in a fresh process that the system holds to the limit.

A measured peak says what a process had; a limit that the system enforces says that it needs no
more. Both have to agree: nothing is killed, and the resident peak is inside the limit.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ccnet_edge.device.backends.native_program import program, program_peak
from ccnet_edge.device.bundle import Trust, open_bundle
from ccnet_edge.device.cgroup import NOT_JOINED, MemoryGroup, memory_group
from ccnet_edge.device.environment import environment
from ccnet_edge.device.memory import TIMEOUT_S, fresh_command
from ccnet_edge.device.sampling import Samples
from ccnet_edge.errors import (
    BudgetExceededError,
    CcnetError,
    DeviceError,
    InvalidMeasurementError,
    UsageError,
)
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.spec.report import MemoryReport, RamProof
from ccnet_edge.units import format_mib

INFERENCES = 1000
NATIVE = "native"
Run = tuple[list[str], Path]


def prove_bundle(
    path: Path,
    *,
    limit_bytes: int | None = None,
    inferences: int = INFERENCES,
    trust: Trust | None = None,
    progress: Progress = silent,
) -> RamProof:
    """Prove that the bundle's network runs inside a memory limit on this machine.

    Args:
        path: a folder, archive or build directory.
        limit_bytes: of the process; None for the budget that the bundle was built for.
        inferences: how many.
        trust: who has to have signed the bundle.
        progress: told about the stage "proof".

    Raises:
        BundleRefusedError: a file is missing, changed or hostile.
        UsageError: no limit was given, and the bundle was built without one.
        InvalidMeasurementError: this system lets no memory limit be set.
        DeviceError: the engine, or the process, failed by itself.
    """
    bundle = open_bundle(path, trust)
    manifest = bundle.manifest
    budget = next((gate.limit for gate in manifest.gates if gate.name == "ram"), None)
    if limit_bytes is None and budget is None:
        raise UsageError(
            f"{path}: the bundle was built without a memory budget, so there is none to prove",
            hint="give one: prove BUNDLE --ram 256MB",
        )
    with tempfile.TemporaryDirectory(prefix="ccnet-") as folder:
        model = Path(folder) / Path(manifest.artifact.file).name
        model.write_bytes(bundle.model())
        return prove_model(
            model,
            manifest.options,
            shape=manifest.shape,
            limit_bytes=limit_bytes if limit_bytes is not None else int(budget or 0),
            inferences=inferences,
            progress=progress,
        )


def prove_model(
    model: Path,
    options: SessionOptions,
    *,
    shape: Sequence[int],
    limit_bytes: int,
    inferences: int = INFERENCES,
    timeout_s: float = TIMEOUT_S,
    progress: Progress = silent,
) -> RamProof:
    """The same of a model file; `shape` is of the input, [1, C, H, W]."""
    progress("proof", done=0, total=1, note=f"{inferences} inferences, {format_mib(limit_bytes)}")
    with (
        _command(model, options, shape, inferences) as (words, folder),
        memory_group(limit_bytes) as group,
    ):
        samples = Samples()
        code, output, errors = _run(group.command(words), folder, samples, timeout_s)
        killed = code == -signal.SIGKILL and group.kills > 0
        if code and not killed:
            raise _failure(f"{model}: the process under a memory limit", code, errors, group)
        # What a process says at its end is exact, but printing it takes memory too.
        said = 0 if killed else _reported_peak(output, options)
        peak = max(samples.peak_bytes, said)
        charged = group.peak_bytes
    progress("proof", done=1, total=1)
    return RamProof(
        engine=options.engine,
        limit_bytes=limit_bytes,
        inferences=inferences,
        killed=killed,
        peak_bytes=peak,
        slack_bytes=limit_bytes - peak,
        charged_bytes=charged,
        group=group.version,
        seconds=samples.elapsed_s,
        samples=samples.kept,
        environment=environment(),
    )


def check_proof(proof: RamProof) -> None:
    """Raise where the limit was not held.

    Raises:
        BudgetExceededError: the process was killed at the limit, or held more than it.
    """
    if proof.held:
        return
    limit = format_mib(proof.limit_bytes)
    if proof.killed:
        raise BudgetExceededError(
            f"memory: the system killed the process at its limit of {limit}, "
            f"with {format_mib(proof.peak_bytes)} resident after {proof.seconds:.1f} s",
            hint="bench shows what it needs without a limit; plan with --ram to fit it",
        )
    raise BudgetExceededError(
        f"memory: {format_mib(proof.peak_bytes)} resident, limit {limit}: nothing was killed, "
        "since pages of libraries that others had read were not charged to it",
        hint=f"a limit of {format_mib(proof.peak_bytes)} holds; plan with --ram for less",
    )


def describe(proof: RamProof) -> str:
    """The proof for people."""
    held = "held" if proof.held else "NOT held"
    ended = "killed by the limit" if proof.killed else f"{proof.inferences} inferences"
    lines = [
        f"limit     {format_mib(proof.limit_bytes)}: {held}  (control group {proof.group})",
        f"run       {ended} in {proof.seconds:.1f} s on {proof.engine}, a fresh process",
        f"peak      {format_mib(proof.peak_bytes)} resident, {len(proof.samples)} samples",
        f"slack     {format_mib(proof.slack_bytes)}",
    ]
    if proof.charged_bytes is not None:
        lines.append(f"charged   {format_mib(proof.charged_bytes)} at most, by the system")
    return "\n".join(lines)


@contextmanager
def _command(
    model: Path, options: SessionOptions, shape: Sequence[int], inferences: int
) -> Iterator[Run]:
    """The process that is proven: the native engine's own program, else the device wing."""
    if options.engine == NATIVE:
        with program(model, options, shape=shape, inferences=inferences) as run:
            yield run
    else:
        arguments = ["--inferences", str(inferences)]
        words = fresh_command("memory", model, options, shape=shape, arguments=arguments)
        yield words, Path.cwd()


def _run(
    words: list[str], folder: Path, samples: Samples, timeout_s: float
) -> tuple[int, str, str]:
    """Exit code and output of a process, sampled until its end; nothing of it is left running."""
    process = subprocess.Popen(
        words,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until = time.monotonic() + timeout_s
    try:
        while True:
            samples.take(process.pid)
            try:
                output, errors = process.communicate(timeout=samples.interval_s)
            except subprocess.TimeoutExpired:
                if time.monotonic() > until:
                    raise DeviceError(
                        f"the process under a memory limit took longer than {timeout_s:.0f} s",
                        hint="ask for fewer --inferences",
                    ) from None
            else:
                return process.returncode, output, errors
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _reported_peak(output: str, options: SessionOptions) -> int:
    """The peak that the process printed at its end, which samples may have missed."""
    if options.engine == NATIVE:
        peak = program_peak(output)
        if peak is None:
            raise DeviceError("the program did not say how much memory it had")
        return peak
    return serial.from_json(MemoryReport, output, where="the process's report").peak_bytes


def _failure(what: str, code: int, errors: str, group: MemoryGroup) -> CcnetError:
    """What a process that ended by itself says: nothing of its memory."""
    if code == NOT_JOINED:
        return InvalidMeasurementError(f"{what} could not join {group.folder}: {errors.strip()}")
    hint = "signal 9 is most often the system being out of memory" if code < 0 else ""
    return DeviceError(f"{what} ended with {code}: {errors.strip()}", hint=hint)
