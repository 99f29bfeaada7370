"""A build's end: the bundle and its archive, example pictures, the page."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path

from ccnet_edge.compiler.request import Site
from ccnet_edge.compiler.stages import BASE_STAGES, STAGES, versions
from ccnet_edge.dataset import spread
from ccnet_edge.device.backends import runnable
from ccnet_edge.device.bundle.pyz import build_pyz
from ccnet_edge.device.bundle.write import BundleParts, bundle_names, write_bundle
from ccnet_edge.device.imaging.labels import labels
from ccnet_edge.device.imaging.preprocess import crop, prepare
from ccnet_edge.device.imaging.resize import resize, resize_labels
from ccnet_edge.device.package import judged, measured_of, pack_bundle
from ccnet_edge.provenance import DOCUMENTS, build_invocation, bundle_documents
from ccnet_edge.report import example_picture, write_report
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import Artifact
from ccnet_edge.spec.build import BuildSummary, StageTime
from ccnet_edge.spec.bundle import BUNDLE_FOLDER, MANIFEST
from ccnet_edge.store import Store
from ccnet_edge.verify import open_predict

EXAMPLES, PAGE = "examples", "report.html"
EXAMPLE_COUNT = 6


def package(site: Site, summary: BuildSummary) -> BuildSummary:
    """Write the bundle and its archive; the summary with the archive's name, hash and size."""
    name = f"{_plain(summary.request.data.name)}-{summary.request.profile.name}"
    folder, archive = site.folder / BUNDLE_FOLDER, site.folder / f"{name}.zip"
    # NOTE: what a clock gave is no part of the bundle, so it does not make it again.
    statuses = tuple((gate.name, gate.limit, gate.status) for gate in summary.gates)
    inputs = (
        name,
        summary.request.profile,
        summary.request.data,
        summary.solution,
        summary.trained,
        summary.evaluation,
        summary.parity,
        summary.artifacts[0],
        summary.options,
        statuses,
        summary.request.version,
        build_invocation(summary.request).parameters,
        versions(),
        hashlib.sha256(build_pyz()).hexdigest(),
    )

    def write() -> None:
        parts = BundleParts(
            name=name,
            target=summary.request.profile,
            data=summary.request.data,
            solution=summary.solution,
            complexity=summary.complexity,
            trained=summary.trained,
            evaluation=summary.evaluation,
            parity=summary.parity,
            artifact=summary.artifacts[0],
            model=site.model,
            options=summary.options,
            gates=summary.gates,
            golden=site.dataset.load_image(site.dataset.test[0]),
            train_size=site.dataset.typical_size(),
            version=summary.request.version,
        )
        invocation = build_invocation(summary.request)
        documents = bundle_documents(parts, invocation=invocation, runtime=build_pyz())
        write_bundle(replace(parts, documents=documents), folder)

    files = (*bundle_names(summary.artifacts[0]), *DOCUMENTS)
    names = tuple(f"{BUNDLE_FOLDER}/{file}" for file in files)
    site.store.files("bundle", inputs, names, write)

    def pack() -> None:
        pack_bundle(
            folder,
            archive,
            memory=summary.memory,
            latency=summary.latency,
            gates=summary.gates,
            environment=summary.environment,
        )

    manifest = serial.file_sha256(folder / MANIFEST)
    measured = (manifest, summary.memory, summary.latency, summary.gates)
    site.store.files("archive", measured, (archive.name,), pack)
    digest = serial.file_sha256(archive)
    # It is no output of the stage, since `bench --record` changes it; yet it belongs there.
    if measured_of(archive, digest) is None:
        pack()
    packed = replace(
        summary,
        archive=archive.name,
        archive_sha256=digest,
        archive_bytes=archive.stat().st_size,
    )
    return with_measured(site.folder, packed)


def with_measured(folder: Path, summary: BuildSummary) -> BuildSummary:
    """The summary with what `measured.json` says of the same archive: `bench --record` adds to it.

    An archive that was measured on its target is judged by that.
    """
    measured = measured_of(folder / summary.archive, summary.archive_sha256)
    if measured is None:
        return summary
    return replace(
        summary,
        memory=measured.memory or summary.memory,
        latency=measured.latency or summary.latency,
        gates=measured.gates,
        on_target=summary.on_target or judged(measured.gates),
        environment=measured.environment,
    )


def draw_examples(site: Site, artifact: Artifact, summary: BuildSummary) -> tuple[Path, ...]:
    """Pictures of test images with the answers of the file that ships."""
    chosen = spread(site.dataset.test, EXAMPLE_COUNT)
    files = tuple(f"{EXAMPLES}/{_plain(sample.name)}.png" for sample in chosen)
    preprocessing = summary.trained.preprocessing
    height, width = site.size

    def make() -> None:
        with open_predict(site.model, runnable(summary.options)) as predict:
            for sample, file in zip(chosen, files, strict=True):
                image = site.dataset.load_image(sample)
                truth = site.dataset.load_labels(sample)
                logits = crop(predict(prepare(image, preprocessing))[0], preprocessing)
                picture = example_picture(
                    resize(image, height=height, width=width, method=preprocessing.resize),
                    truth=resize_labels(truth, height=height, width=width),
                    found=labels(logits),
                )
                serial.write_bytes(site.folder / file, picture)

    inputs = (artifact, summary.options, summary.request.data.fingerprint)
    site.store.files("examples", inputs, files, make)
    return tuple(site.folder / file for file in files)


def find_examples(folder: Path) -> tuple[Path, ...]:
    """The pictures that the last build in `folder` drew."""
    receipt = Store(folder).receipt("examples")
    return tuple(folder / entry.file for entry in receipt.files) if receipt is not None else ()


def write_page(folder: Path, summary: BuildSummary, examples: tuple[Path, ...]) -> Path:
    """The build's self-contained page."""
    return write_report(summary, examples=examples, path=folder / PAGE)


def stage_times(site: Site) -> tuple[StageTime, ...]:
    """How long each stage of this build took when it was last made, in their order."""
    base = () if site.request.train_base else BASE_STAGES
    receipts = (site.store.receipt(stage) for stage in STAGES if stage not in base)
    return tuple(StageTime(stage=r.stage, seconds=r.seconds) for r in receipts if r is not None)


def _plain(name: str) -> str:
    """A name as a file's: letters, digits, dots and dashes."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "data"
