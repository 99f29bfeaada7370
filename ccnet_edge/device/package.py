"""A finished bundle packed, with what was measured of it in a file beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ccnet_edge.device.bundle.pack import SUFFIXES, write_archive
from ccnet_edge.device.bundle.write import MACHINE_GATES
from ccnet_edge.errors import ConfigError, DeviceError, UsageError
from ccnet_edge.spec import serial
from ccnet_edge.spec.build import BuildSummary
from ccnet_edge.spec.bundle import BUNDLE_FOLDER, MANIFEST, Measurements, PackedAs
from ccnet_edge.spec.report import Environment, Gate, LatencyReport, MemoryReport

MEASURED = "measured.json"
# What a build writes last, into its directory: a BuildSummary.
SUMMARY = "summary.json"


def package_build(
    build: Path, archive: Path | None = None, *, packed_as: PackedAs = "zip"
) -> tuple[Path, Measurements]:
    """Pack the bundle of a finished build.

    Args:
        build: the build directory.
        archive: what to write; None for the name that the build gave it, in `build`.
        packed_as: one file, an image, or a folder.

    Returns:
        The archive's path, and what stands in `measured_path` beside it.

    Raises:
        UsageError: the directory holds no finished build, or `archive` something else.
        BundleRefusedError: the bundle was changed since it was written.
        DeviceError: the files could not be written.
    """
    for name in (f"{BUNDLE_FOLDER}/{MANIFEST}", SUMMARY):
        if not (build / name).is_file():
            raise UsageError(
                f"{build}: a finished build was wanted, its {name} is missing",
                hint="run ccnet-edge build first, or again to finish it",
            )
    summary = serial.load(BuildSummary, build / SUMMARY)
    path = archive if archive is not None else build / _name(summary, packed_as)
    measured = pack_bundle(
        build / BUNDLE_FOLDER,
        path,
        memory=summary.memory,
        latency=summary.latency,
        gates=summary.gates,
        environment=summary.environment,
        packed_as=packed_as,
    )
    return path, measured


def measured_path(archive: Path) -> Path:
    """Where the measurements of a packed bundle are kept: beside it.

    In a build directory a zip is the build's own archive; whatever else is packed, and wherever,
    has a file of its own.
    """
    own = archive.suffix == SUFFIXES["zip"] and (archive.parent / BUNDLE_FOLDER).is_dir()
    return archive.with_name(MEASURED if own else f"{archive.name}.{MEASURED}")


def measured_of(archive: Path, sha256: str) -> Measurements | None:
    """What `measured.json` beside the archive says, where it is about the archive of this hash."""
    try:
        found = serial.load(Measurements, measured_path(archive))
    except ConfigError:
        return None
    return found if found.archive_sha256 == sha256 else None


def judged(gates: tuple[Gate, ...]) -> bool:
    """Memory or latency were measured on the target: a gate of theirs passed or failed."""
    return any(g.name in MACHINE_GATES and g.status in ("passed", "failed") for g in gates)


def pack_bundle(
    folder: Path,
    archive: Path,
    *,
    memory: MemoryReport | None,
    latency: LatencyReport | None,
    gates: tuple[Gate, ...],
    environment: Environment,
    packed_as: PackedAs = "zip",
) -> Measurements:
    """Write the bundle in `folder` as `archive`, and what was measured beside it.

    The measurements stay outside, so that equal builds give equal archives; they name the
    archive by its hash. Those that are there already stay where they are of the same archive
    and were made on its target.

    Args:
        folder: as `write_bundle` made it.
        archive: what to write.
        memory: as measured; None where it was not.
        latency: the same.
        gates: with the measurements that the manifest's leave out.
        environment: the machine that measured.
        packed_as: what to pack it as.

    Raises:
        BundleRefusedError: the folder is no bundle, or was changed since it was written.
        UsageError: something else is where `archive` would be.
        DeviceError: the files could not be written.
    """
    try:
        packed = write_archive(folder, archive, packed_as=packed_as)
        measured = Measurements(
            archive=archive.name,
            archive_sha256=packed.sha256,
            archive_bytes=packed.size_bytes,
            memory=memory,
            latency=latency,
            gates=gates,
            environment=environment,
        )
        before = measured_of(archive, packed.sha256)
        if before is not None and judged(before.gates):
            measured = replace(before, archive=archive.name)
        serial.save(measured, measured_path(archive))
    except OSError as error:
        raise DeviceError(f"{archive}: could not be written: {error}") from error
    return measured


def _name(summary: BuildSummary, packed_as: PackedAs) -> str:
    name = Path(summary.archive).name
    return name.removesuffix(SUFFIXES["zip"]) + SUFFIXES[packed_as]
