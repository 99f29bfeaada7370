"""Whether a bundle is what it says, here: hashes, golden output, and its budgets."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ccnet_edge.device.backends import ISOLATED
from ccnet_edge.device.backends.fallback import FallbackSession
from ccnet_edge.device.backends.isolated import own_interpreter
from ccnet_edge.device.bundle import Bundle, Trust, open_bundle
from ccnet_edge.device.bundle.golden import check_golden
from ccnet_edge.device.environment import environment
from ccnet_edge.device.gates import claimed_target, disk_gate, latency_gate, place, ram_gate
from ccnet_edge.device.memory import INFERENCES, measure_fresh, run_fresh
from ccnet_edge.device.timer import TIME_LIMIT_S, Extent, time_model
from ccnet_edge.device.watching import Watcher
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.bundle import Verification
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.spec.report import Environment, Gate, LatencyReport, MemoryReport, ParityReport


def verify_bundle(
    path: Path,
    *,
    on_target: bool = False,
    measure: bool = True,
    inferences: int = INFERENCES,
    samples: int | None = None,
    time_limit_s: float = TIME_LIMIT_S,
    trust: Trust | None = None,
    progress: Progress = silent,
) -> Verification:
    """Check the bundle's files and golden output, and measure its budgets on this machine.

    Args:
        path: a folder, archive or build directory.
        on_target: this machine is the device that the bundle is for; where the profile says
            that the target is the local machine, it is without being said.
        measure: also measure memory and latency.
        inferences: of the memory measurement.
        samples: of the latency measurement; see `timer.Extent`.
        time_limit_s: the same.
        trust: who has to have signed it; None where nobody has to.
        progress: told about the stages "golden", "memory" and "time".

    Raises:
        BundleRefusedError: a file is missing, changed or hostile, or the signature is.
        UsageError: this machine cannot be the target.
        DeviceError: the engine, or the process that measures memory, failed.
    """
    bundle = open_bundle(path, trust)
    manifest = bundle.manifest
    on_target = claimed_target(manifest.target, said=on_target)
    progress("golden", done=0, total=1)
    golden, identical, session = _golden(bundle)
    # What is measured is what runs here.
    options = replace(manifest.options, engine=session.engine)
    progress("golden", done=1, total=1)
    memory = _memory(bundle, options, inferences, progress) if measure else None
    latency = _latency(bundle, options, samples, time_limit_s, progress) if measure else None
    found = verification(
        path, bundle, (golden, identical), memory, latency, on_target=on_target, here=environment()
    )
    return replace(found, engine=session.engine, fallback=session.reason)


def verification(
    path: Path,
    bundle: Bundle,
    compared: tuple[ParityReport, bool],
    memory: MemoryReport | None,
    latency: LatencyReport | None,
    *,
    on_target: bool,
    here: Environment,
) -> Verification:
    """What was found of the bundle in `path` on the machine `here`.

    `compared` is the golden output's comparison, and whether it is the same to the bit.
    """
    manifest, (golden, identical) = bundle.manifest, compared
    return Verification(
        bundle=str(path),
        name=manifest.name,
        fit=manifest.fit,
        files=len(manifest.files),
        golden=golden,
        identical=identical,
        target=manifest.target.name,
        on_target=on_target,
        gates=_gates(bundle, golden, memory, latency, on_target=on_target, where=place(here)),
        recorded=manifest.gates,
        memory=memory,
        latency=latency,
        environment=here,
        version=manifest.version,
        signed_by=bundle.signed_by,
    )


def _golden(bundle: Bundle) -> tuple[ParityReport, bool, FallbackSession]:
    """The comparison, whether it is the same to the bit, and the closed session that it was of."""
    session = FallbackSession(bundle.model(), bundle.manifest.options)
    try:
        return (*check_golden(session, bundle), session)
    finally:
        session.close()


def _memory(
    bundle: Bundle, options: SessionOptions, inferences: int, progress: Progress
) -> MemoryReport:
    """In a fresh process that loads the model from a file, as the build's measurement did."""
    progress("memory", done=0, total=1, note=f"{inferences} inferences in a fresh process")
    with _model_file(bundle) as model:
        report = measure_fresh(model, options, shape=bundle.manifest.shape, inferences=inferences)
    progress("memory", done=1, total=1)
    return report


def _latency(
    bundle: Bundle,
    options: SessionOptions,
    samples: int | None,
    time_limit_s: float,
    progress: Progress,
) -> LatencyReport:
    """In this process, or in one of the engine's own Python where the engine is only there."""
    shape = bundle.manifest.shape
    if options.engine not in ISOLATED or own_interpreter(options.engine) is None:
        with Watcher() as watch:
            return time_model(
                bundle.model(),
                options,
                shape=shape,
                extent=Extent(samples=samples, time_limit_s=time_limit_s),
                watch=watch,
                progress=progress,
            )
    progress("time", done=0, total=1, note=f"in {options.engine}'s own process")
    arguments = ["--time-limit", str(time_limit_s)]
    arguments += [] if samples is None else ["--samples", str(samples)]
    with _model_file(bundle) as model:
        report = run_fresh(
            "latency", model, options, LatencyReport, shape=shape, arguments=arguments
        )
    progress("time", done=1, total=1)
    return report


@contextmanager
def _model_file(bundle: Bundle) -> Iterator[Path]:
    """The bundle's model as a file of its own, from the bytes whose hash was checked."""
    with tempfile.TemporaryDirectory(prefix="ccnet-") as folder:
        model = Path(folder) / Path(bundle.manifest.artifact.file).name
        model.write_bytes(bundle.model())
        yield model


def _gates(
    bundle: Bundle,
    golden: ParityReport,
    memory: MemoryReport | None,
    latency: LatencyReport | None,
    *,
    on_target: bool,
    where: str,
) -> tuple[Gate, ...]:
    """The gates that a bundle is judged by where it runs: parity, disk, ram and latency."""
    limits = {gate.name: gate.limit for gate in bundle.manifest.gates}
    parity = Gate(
        name="parity",
        status="passed" if golden.passed else "failed",
        measured=golden.relative_error,
        limit=golden.relative_error_limit,
        unit="share",
        where=where,
        note=f"{golden.flipped_share:.2g} of the pixels change class",
    )
    size = bundle.manifest.artifact.size_bytes
    return (
        parity,
        disk_gate(size, limit=limits.get("disk"), where=where),
        ram_gate(memory, limit=limits.get("ram"), on_target=on_target),
        latency_gate(latency, limit=limits.get("latency"), on_target=on_target),
    )
