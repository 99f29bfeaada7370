"""An engine's options for a model and its limits, chosen by measuring on a host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ccnet_edge.bench import Host, HostMeter, LocalHost, Subject, peak_memory
from ccnet_edge.compiler.request import Site
from ccnet_edge.compiler.stages import here, local_options
from ccnet_edge.device.environment import environment
from ccnet_edge.device.gates import is_target
from ccnet_edge.spec.artifact import Artifact, SessionOptions
from ccnet_edge.spec.build import TunedOptions
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.verify import tune_session
from ccnet_edge.verify.meter import MeterHere


def tune_options(site: Site, artifact: Artifact) -> TunedOptions:
    """The stage of a build: the engine's options for the target, measured on its host."""
    request, local = site.request, isinstance(site.host, LocalHost)
    # Another machine's clock says nothing of the target's limit.
    on_target = not local or is_target(request.profile)
    latency_ms = request.limits.latency_ms if on_target else None

    def make() -> TunedOptions:
        tuned = tune_on(
            site.host,
            site.model,
            site.shape,
            engine=local_options(site, SessionOptions(engine=request.engine)).engine,
            cores=request.profile.cores,
            ram_bytes=request.limits.ram_bytes,
            latency_ms=latency_ms,
            progress=site.progress,
        )
        return replace(tuned, options=replace(tuned.options, engine=request.engine))

    limits = (request.limits.ram_bytes, latency_ms)
    inputs = (artifact, request.profile, limits, request.host, here())
    return site.store.value("options", TunedOptions, inputs, make)


def tune_subject(
    subject: Subject, host: Host, *, latency_ms: float | None = None, progress: Progress = silent
) -> TunedOptions:
    """The options to run `subject` with on `host`, inside its memory limit.

    Args:
        subject: what is tuned, with the limit on its memory.
        host: where it is measured.
        latency_ms: a limit on an inference there, which leaner options may use up; None for none.
        progress: told about stage "tune".

    Raises:
        DeviceError: the host was not reached, or the engine failed there.
    """
    if subject.runtime is not None:
        host.use(subject.runtime)
    return tune_on(
        host,
        subject.model,
        subject.shape,
        engine=subject.options.engine,
        cores=_cores(subject, host),
        ram_bytes=None if subject.ram_bytes is None else int(subject.ram_bytes),
        latency_ms=latency_ms,
        progress=progress,
    )


def tune_on(
    host: Host,
    model: Path,
    shape: Sequence[int],
    *,
    engine: str,
    cores: int,
    ram_bytes: int | None,
    latency_ms: float | None,
    progress: Progress = silent,
) -> TunedOptions:
    """See `tune_session`: measured here in turns, elsewhere by commands of the device's wing.

    Args:
        cores: the device's; on this machine no more than it has are tried.
    """
    local = isinstance(host, LocalHost)
    options, tried = tune_session(
        model,
        engine=engine,
        shape=shape,
        most_threads=min(cores, environment().cores) if local else cores,
        ram_bytes=ram_bytes,
        latency_ms=latency_ms,
        meter=MeterHere(model, shape) if local else HostMeter(host, model, shape),
        progress=progress,
    )
    return TunedOptions(options=options, tried=tried)


def _cores(subject: Subject, host: Host) -> int:
    """The target's cores; those of the host where nobody said which it is for."""
    if subject.target is not None:
        return subject.target.cores
    if isinstance(host, LocalHost):
        return environment().cores
    found = peak_memory(host, subject.model, subject.options, shape=subject.shape, inferences=1)
    return found.environment.cores
