"""Keeping what was measured on the target: `measured.json` beside the archive that it is about."""

from __future__ import annotations

from pathlib import Path

from ccnet_edge.bench.protocol import BenchReport
from ccnet_edge.device.bundle import is_archive, open_bundle
from ccnet_edge.device.bundle.write import archive_sha256
from ccnet_edge.device.package import MEASURED
from ccnet_edge.errors import UsageError
from ccnet_edge.spec import serial
from ccnet_edge.spec.bundle import Measurements


def record(report: BenchReport, archive: Path) -> Path:
    """Write `measured.json` beside `archive`, with the report in place of what stood there.

    Gates that the report does not judge (parity, disk, accuracy) stay the manifest's.

    Returns:
        The path of `measured.json`.

    Raises:
        UsageError: `archive` is a folder, which has no hash to be named by.
        BundleRefusedError: it is no bundle.
    """
    bundle = open_bundle(archive)
    if not is_archive(bundle):
        raise UsageError(
            f"{archive}: measurements are recorded beside an archive, this is a folder",
            hint="pack it first with ccnet-edge package",
        )
    judged = {gate.name: gate for gate in report.gates}
    gates = tuple(judged.get(gate.name, gate) for gate in bundle.manifest.gates)
    measured = Measurements(
        archive=archive.name,
        archive_sha256=archive_sha256(archive),
        archive_bytes=archive.stat().st_size,
        memory=report.memory,
        latency=report.latency,
        gates=gates,
        environment=report.memory.environment,
    )
    return serial.save(measured, archive.with_name(MEASURED))
