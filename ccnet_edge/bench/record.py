"""Keeping what was measured on the target: `measured.json` beside the archive that it is about."""

from __future__ import annotations

from pathlib import Path

from ccnet_edge.bench.protocol import BenchReport
from ccnet_edge.device.bundle import open_bundle
from ccnet_edge.device.package import SUMMARY, measured_of, measured_path
from ccnet_edge.errors import UsageError
from ccnet_edge.spec import serial
from ccnet_edge.spec.build import BuildSummary
from ccnet_edge.spec.bundle import Measurements
from ccnet_edge.spec.report import Gate


def record(report: BenchReport, path: Path) -> Path:
    """Put the report in place of what `measured.json` beside the archive said of them.

    Gates that the report does not judge (parity, disk, accuracy) stay what they were.

    Args:
        report: of the archive's model.
        path: the archive, or the directory of the build that wrote it.

    Returns:
        The path of `measured.json`.

    Raises:
        UsageError: there is no archive.
        BundleRefusedError: it is no bundle.
    """
    archive = _archive(path)
    digest = serial.file_sha256(archive)
    judged = {gate.name: gate for gate in report.gates}
    measured = Measurements(
        archive=archive.name,
        archive_sha256=digest,
        archive_bytes=archive.stat().st_size,
        memory=report.memory,
        latency=report.latency,
        gates=tuple(judged.get(gate.name, gate) for gate in _gates(archive, digest)),
        environment=report.memory.environment,
    )
    return serial.save(measured, measured_path(archive))


def _archive(path: Path) -> Path:
    if path.is_file():
        return path
    wanted = "measurements are recorded beside an archive"
    if not (path / SUMMARY).is_file():
        raise UsageError(
            f"{path}: {wanted}, this is neither one nor a finished build",
            hint="pack it first with ccnet-edge package",
        )
    archive = path / Path(serial.load(BuildSummary, path / SUMMARY).archive).name
    if not archive.is_file():
        raise UsageError(
            f"{path}: {wanted}, but {archive.name} is missing",
            hint="pack it again with ccnet-edge package",
        )
    return archive


def _gates(archive: Path, digest: str) -> tuple[Gate, ...]:
    """What `measured.json` said of this very archive, else the manifest's."""
    manifest = open_bundle(archive).manifest
    before = measured_of(archive, digest)
    return manifest.gates if before is None else before.gates
