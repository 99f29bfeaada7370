"""Verifying a bundle on a host: it is copied there whole, and checked by its own runtime."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from ccnet_edge.bench.hosts import Host, LocalHost
from ccnet_edge.bench.protocol import printed
from ccnet_edge.device.bundle import Bundle, Trust, open_bundle
from ccnet_edge.device.bundle.pack import write_archive
from ccnet_edge.device.judgement import ERRORS
from ccnet_edge.device.memory import INFERENCES
from ccnet_edge.device.timer import TIME_LIMIT_S
from ccnet_edge.device.verify import verify_bundle
from ccnet_edge.errors import CcnetError, InvalidMeasurementError
from ccnet_edge.spec.bundle import RUNTIME_FILE, Verification
from ccnet_edge.spec.progress import Progress, silent

# How the wing ends where it found a bundle wanting: it has printed what it found.
WANTING: tuple[type[CcnetError], ...] = (*ERRORS.values(), InvalidMeasurementError)
RESULTS = tuple({error.exit_code for error in WANTING} | {0})


def verify_on(
    host: Host,
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
    """What `verify_bundle` finds on the host; one that is not this machine counts as the target.

    Args:
        host: where.
        path: a folder, archive or build directory.
        on_target: this machine is the target.
        measure: also measure memory and latency.
        inferences: of the memory measurement.
        samples: of the latency measurement; see `timer.Extent`.
        time_limit_s: the same.
        trust: who has to have signed it, which is checked here; None where nobody has to.
        progress: told about its stages.

    Raises:
        BundleRefusedError: the bundle is refused here, before anything is copied.
        DeviceError: the host was not reached, is not of the target's kind, or failed.
    """
    if isinstance(host, LocalHost):
        return verify_bundle(
            path,
            on_target=on_target,
            measure=measure,
            inferences=inferences,
            samples=samples,
            time_limit_s=time_limit_s,
            trust=trust,
            progress=progress,
        )
    bundle = open_bundle(path, trust)
    manifest = bundle.manifest
    words = ["--json", "--on-target", "--inferences", str(inferences)]
    words += ["--time-limit", str(time_limit_s)]
    words += [] if samples is None else ["--samples", str(samples)]
    words += [] if measure else ["--no-measure"]
    progress("verify", done=0, total=1, note=f"on {host.name}")
    host.use(bundle.read(RUNTIME_FILE))
    host.check(manifest.target, engine=manifest.options.engine)
    with tempfile.TemporaryDirectory(prefix="ccnet-") as folder:
        archive = packed(bundle, Path(folder))
        text = host.run("verify", archive, words, results=RESULTS)
    progress("verify", done=1, total=1)
    found = printed(text, Verification, host, "verify")
    return replace(found, bundle=str(path), signed_by=bundle.signed_by)


def packed(bundle: Bundle, folder: Path) -> Path:
    """The bundle as one file: itself, or written into `folder`."""
    if bundle.path.is_file():
        return bundle.path
    archive = folder / f"{bundle.manifest.name}.zip"
    write_archive(bundle.path, archive)
    return archive
