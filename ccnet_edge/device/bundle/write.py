"""Writing a bundle into a folder: equal parts give equal bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ccnet_edge import __version__
from ccnet_edge.device.backends import fallback_options, open_session
from ccnet_edge.device.bundle.folders import check_replaceable, write_folder
from ccnet_edge.device.bundle.golden import IMAGE, LABELS, LOGITS, GoldenFiles, make_golden
from ccnet_edge.device.bundle.listing import MAX_FILE_BYTES, sums
from ccnet_edge.device.bundle.pyz import build_pyz
from ccnet_edge.device.bundle.readme import readme
from ccnet_edge.device.environment import BUILD, RUNTIME, installed_versions
from ccnet_edge.device.tensorrt.recipe import read_recipe
from ccnet_edge.device.tensorrt.script import SCRIPT, build_script
from ccnet_edge.errors import UsageError
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import Artifact, SessionOptions
from ccnet_edge.spec.build import DataSummary
from ccnet_edge.spec.bundle import (
    BUNDLE_FORMAT,
    MANIFEST,
    RUNTIME_FILE,
    SUMS,
    BundleFile,
    Manifest,
)
from ccnet_edge.spec.complexity import ImageComplexity
from ccnet_edge.spec.outside import OutsideModel
from ccnet_edge.spec.plan import Solution
from ccnet_edge.spec.report import Evaluation, Gate, ParityReport
from ccnet_edge.spec.target import DeviceProfile
from ccnet_edge.spec.tensorrt import ENGINE_LIMITS
from ccnet_edge.spec.training import TrainedNetwork

README = "README.md"
# Gates whose measurement is a machine's and not the bundle's.
MACHINE_GATES = ("ram", "latency")


@dataclass(frozen=True, kw_only=True, eq=False)
class BundleParts:
    """What a bundle is made of; see `Manifest` for what each part says.

    `model` is the file that `artifact` describes. `golden` is a real image, [H, W, C] uint8
    or uint16, best one from the test split. `train_size` is the typical height and width of
    the training images, `SegmentationDataset.typical_size()`. `version` counts upwards; see
    `Manifest`. `documents` are further files, which describe the bundle, by their names in it.
    """

    name: str
    target: DeviceProfile
    artifact: Artifact
    model: Path
    options: SessionOptions
    gates: tuple[Gate, ...]
    golden: NDArray[Any]
    data: DataSummary | None = None
    solution: Solution | None = None
    complexity: ImageComplexity | None = None
    trained: TrainedNetwork | None = None
    evaluation: Evaluation | None = None
    parity: ParityReport | None = None
    outside: OutsideModel | None = None
    train_size: tuple[int, int] | None = None
    version: int = 0
    documents: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def origin(self) -> TrainedNetwork | OutsideModel:
        """The network as it was trained here, or as it came from elsewhere."""
        origin = self.trained or self.outside
        assert origin is not None
        return origin


def write_bundle(parts: BundleParts, folder: Path) -> Manifest:
    """Write the bundle into `folder`, whole or not at all; a bundle there is replaced.

    Raises:
        UsageError: the folder holds something that is no bundle.
        BundleRefusedError: the model file is no model.
        DataError: the network answers with one value everywhere.
    """
    check_replaceable(folder, MANIFEST)
    golden = _golden(parts)
    model = Path(parts.artifact.file).name
    files = {
        model: parts.model.read_bytes(),
        RUNTIME_FILE: build_pyz(),
        **golden.files,
        **parts.documents,
    }
    files |= _engine_script(parts.artifact, files[model])
    manifest = _manifest(parts, golden, replace(parts.artifact, file=model))
    manifest = replace(manifest, files=_listed_all(files))
    files[README] = readme(manifest, runtime=RUNTIME_FILE).encode()
    manifest = replace(manifest, files=_listed_all(files))
    content = serial.to_json(manifest).encode()
    write_folder(folder, {**files, MANIFEST: content, SUMS: sums(content, manifest.files)})
    return manifest


def bundle_names(artifact: Artifact) -> tuple[str, ...]:
    """Every file of a bundle of `artifact`, by its path in it."""
    model = Path(artifact.file).name
    own = (MANIFEST, SUMS, README, RUNTIME_FILE)
    script = (SCRIPT,) if artifact.format == "tensorrt" else ()
    return tuple(sorted((IMAGE, LABELS, LOGITS, model, *own, *script)))


def _golden(parts: BundleParts) -> GoldenFiles:
    # An engine that is judged by this output does not give it.
    session = open_session(parts.model, fallback_options(parts.options) or parts.options)
    try:
        made = make_golden(session, parts.golden, parts.origin.preprocessing)
    finally:
        session.close()
    if parts.artifact.format != "tensorrt":
        return made
    error, flipped = ENGINE_LIMITS[parts.artifact.precision]
    limits = replace(made.golden, relative_error_limit=error, flipped_share_limit=flipped)
    return replace(made, golden=limits)


def _engine_script(artifact: Artifact, model: bytes) -> dict[str, bytes]:
    """What builds the engine on a device that has no Python for our runtime."""
    if artifact.format != "tensorrt":
        return {}
    name = Path(artifact.file).name
    text = build_script(read_recipe(model), model=name, sha256=hashlib.sha256(model).hexdigest())
    return {SCRIPT: text.encode()}


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
        complexity=parts.complexity and replace(parts.complexity, per_image=()),
        trained=parts.trained and replace(parts.trained, curve=()),
        evaluation=parts.evaluation and replace(parts.evaluation, images=()),
        parity=parts.parity,
        artifact=artifact,
        options=parts.options,
        gates=tuple(_without_machine(gate) for gate in parts.gates),
        train_height=height,
        train_width=width,
        golden=golden.golden,
        versions=installed_versions((*RUNTIME, *BUILD.values())),
        files=(),
        version=parts.version,
        outside=parts.outside,
    )


def _without_machine(gate: Gate) -> Gate:
    """The gate without what differs between two measurements of equal builds."""
    if gate.name not in MACHINE_GATES:
        return replace(gate, where="")
    return replace(gate, where="", measured=None, note="")


def _listed_all(files: Mapping[str, bytes]) -> tuple[BundleFile, ...]:
    return tuple(_listed(name, files[name]) for name in sorted(files))


def _listed(name: str, content: bytes) -> BundleFile:
    if len(content) > MAX_FILE_BYTES:
        raise UsageError(
            f"{name} has {len(content)} bytes; a bundle's files have at most {MAX_FILE_BYTES}"
        )
    return BundleFile(
        file=name, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest()
    )
