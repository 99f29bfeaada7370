"""A finished bundle as one archive, with what was measured of it in a file beside it."""

from __future__ import annotations

from pathlib import Path

from ccnet_edge.device.bundle.write import write_archive
from ccnet_edge.errors import DeviceError
from ccnet_edge.spec import serial
from ccnet_edge.spec.bundle import Measurements
from ccnet_edge.spec.report import Environment, Gate, LatencyReport, MemoryReport

MEASURED = "measured.json"


def pack_bundle(
    folder: Path,
    archive: Path,
    *,
    memory: MemoryReport | None,
    latency: LatencyReport | None,
    gates: tuple[Gate, ...],
    environment: Environment,
) -> Measurements:
    """Write the bundle in `folder` as `archive`, and `measured.json` beside it.

    The measurements stay outside, so that equal builds give equal archives; they name the
    archive by its hash.

    Args:
        folder: as `write_bundle` made it.
        archive: the file to write; its folder gets `measured.json`.
        memory: as measured; None where it was not.
        latency: the same.
        gates: with the measurements that the manifest's leave out.
        environment: the machine that measured.

    Raises:
        BundleRefusedError: the folder is no bundle, or was changed since it was written.
        DeviceError: the files could not be written.
    """
    try:
        sha256 = write_archive(folder, archive)
        measured = Measurements(
            archive=archive.name,
            archive_sha256=sha256,
            archive_bytes=archive.stat().st_size,
            memory=memory,
            latency=latency,
            gates=gates,
            environment=environment,
        )
        serial.save(measured, archive.with_name(MEASURED))
    except OSError as error:
        raise DeviceError(f"{archive}: could not be written: {error}") from error
    return measured
