"""Writing a bundle: equal parts give equal bytes, in a folder and in one archive."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ccnet_edge import __version__
from ccnet_edge.device.backends import open_session
from ccnet_edge.device.bundle.golden import IMAGE, LABELS, LOGITS, GoldenFiles, make_golden
from ccnet_edge.device.bundle.pyz import build_pyz
from ccnet_edge.device.bundle.read import MAX_FILE_BYTES, MAX_MANIFEST_BYTES, open_bundle
from ccnet_edge.device.bundle.readme import readme
from ccnet_edge.device.bundle.zips import zip_bytes
from ccnet_edge.device.environment import BUILD, RUNTIME, installed_versions
from ccnet_edge.errors import UsageError
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import Artifact, SessionOptions
from ccnet_edge.spec.build import DataSummary
from ccnet_edge.spec.bundle import BUNDLE_FORMAT, MANIFEST, BundleFile, Manifest
from ccnet_edge.spec.complexity import ImageComplexity
from ccnet_edge.spec.plan import Solution
from ccnet_edge.spec.report import Evaluation, Gate, ParityReport
from ccnet_edge.spec.target import DeviceProfile
from ccnet_edge.spec.training import TrainedNetwork

RUNTIME_FILE = "ccnet-device.pyz"
README = "README.md"
# Gates whose measurement is a machine's and not the bundle's.
MACHINE_GATES = ("ram", "latency")


@dataclass(frozen=True, kw_only=True, eq=False)
class BundleParts:
    """What a bundle is made of; see `Manifest` for what each part says.

    `model` is the file that `artifact` describes. `golden` is a real image, [H, W, C] uint8
    or uint16, best one from the test split. `train_size` is the typical height and width of
    the training images, `SegmentationDataset.typical_size()`.
    """

    name: str
    target: DeviceProfile
    data: DataSummary
    solution: Solution
    complexity: ImageComplexity
    trained: TrainedNetwork
    evaluation: Evaluation
    parity: ParityReport
    artifact: Artifact
    model: Path
    options: SessionOptions
    gates: tuple[Gate, ...]
    golden: NDArray[Any]
    train_size: tuple[int, int] | None = None


def write_bundle(parts: BundleParts, folder: Path) -> Manifest:
    """Write the bundle into `folder`, whole or not at all; a bundle there is replaced.

    Raises:
        UsageError: the folder holds something that is no bundle.
        BundleRefusedError: the model file is no model.
        DataError: the network answers with one value everywhere.
    """
    _check_replaceable(folder)
    golden = _golden(parts)
    model = Path(parts.artifact.file).name
    files = {model: parts.model.read_bytes(), RUNTIME_FILE: build_pyz(), **golden.files}
    manifest = _manifest(parts, golden, replace(parts.artifact, file=model))
    files[README] = readme(manifest, runtime=RUNTIME_FILE).encode()
    listed = tuple(_listed(name, files[name]) for name in sorted(files))
    manifest = replace(manifest, files=listed)
    _write_folder(folder, {**files, MANIFEST: serial.to_json(manifest).encode()})
    return manifest


def bundle_names(artifact: Artifact) -> tuple[str, ...]:
    """Every file of a bundle of `artifact`, by its path in it."""
    model = Path(artifact.file).name
    return tuple(sorted((IMAGE, LABELS, LOGITS, MANIFEST, README, RUNTIME_FILE, model)))


def write_archive(folder: Path, archive: Path) -> str:
    """Pack the bundle in `folder` into one file.

    Returns:
        The archive's SHA-256.

    Raises:
        BundleRefusedError: the folder is no bundle, or was changed since it was written.
    """
    bundle = open_bundle(folder)
    members = {file.file: bundle.read(file.file) for file in bundle.manifest.files}
    members[MANIFEST] = bundle.files.read(MANIFEST, limit=MAX_MANIFEST_BYTES)
    content = zip_bytes(members)
    serial.write_bytes(archive, content)
    return hashlib.sha256(content).hexdigest()


def _golden(parts: BundleParts) -> GoldenFiles:
    session = open_session(parts.model, parts.options)
    try:
        return make_golden(session, parts.golden, parts.trained.preprocessing)
    finally:
        session.close()


def _manifest(parts: BundleParts, golden: GoldenFiles, artifact: Artifact) -> Manifest:
    height, width = parts.train_size or (None, None)
    return Manifest(
        format=BUNDLE_FORMAT,
        name=parts.name,
        tool=__version__,
        fit=all(gate.status != "failed" for gate in parts.gates),
        target=parts.target,
        data=parts.data,
        solution=parts.solution,
        complexity=replace(parts.complexity, per_image=()),
        trained=replace(parts.trained, curve=()),
        evaluation=replace(parts.evaluation, images=()),
        parity=parts.parity,
        artifact=artifact,
        options=parts.options,
        gates=tuple(_without_machine(gate) for gate in parts.gates),
        train_height=height,
        train_width=width,
        golden=golden.golden,
        versions=installed_versions((*RUNTIME, *BUILD.values())),
        files=(),
    )


def _without_machine(gate: Gate) -> Gate:
    """The gate without what differs between two measurements of equal builds."""
    if gate.name not in MACHINE_GATES:
        return replace(gate, where="")
    return replace(gate, where="", measured=None, note="")


def _listed(name: str, content: bytes) -> BundleFile:
    if len(content) > MAX_FILE_BYTES:
        raise UsageError(
            f"{name} has {len(content)} bytes; a bundle's files have at most {MAX_FILE_BYTES}"
        )
    return BundleFile(
        file=name, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest()
    )


def _check_replaceable(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: a folder for the bundle was wanted, found a file")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MANIFEST).is_file():
        raise UsageError(
            f"{folder}: the folder holds files that are no bundle, they are not replaced",
            hint="give an empty or a new folder",
        )


def _write_folder(folder: Path, files: dict[str, bytes]) -> None:
    """Write aside, then swap: a kill leaves the old bundle, the new one, or none."""
    aside = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    try:
        for name, content in files.items():
            serial.write_bytes(aside / name, content)
        if folder.exists():
            folder.replace(old)
        aside.replace(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
