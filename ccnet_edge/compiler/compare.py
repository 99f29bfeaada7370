"""A model file of one's own against the network that a build trained, hop by hop."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from ccnet_edge.bench import Host, open_subject, segment_on
from ccnet_edge.dataset import Sample, SegmentationDataset
from ccnet_edge.device.backends import runnable
from ccnet_edge.device.environment import environment
from ccnet_edge.device.gates import place
from ccnet_edge.errors import ParityError, UsageError
from ccnet_edge.export import TRAINED, trained_folder
from ccnet_edge.export.metadata import read_described
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import Preprocessing
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.spec.report import Gate, ParityReport
from ccnet_edge.spec.target import Precision
from ccnet_edge.spec.training import TrainedNetwork
from ccnet_edge.verify import (
    open_shipped,
    parity_gate,
    parity_samples,
    precision_of,
    prove_parity,
    prove_parity_outside,
    saved_masks,
)


def compare_with_trained(
    model: Path,
    build: Path,
    dataset: SegmentationDataset,
    *,
    host: Host | None = None,
    masks: Path | None = None,
    precision: Precision | None = None,
    strict: bool = False,
    progress: Progress = silent,
) -> ParityReport:
    """Every hop from the network that `build` trained to `model`, over the test split.

    Args:
        model: an exported file, a bundle or a build directory.
        build: a build directory, a folder that training left behind, or the ONNX file from
            elsewhere that the model was made from.
        dataset: what it was trained on.
        host: a device that segments the test images too, with `model`, a bundle: one hop more.
        masks: the same, done before: a folder of masks that `run` wrote on a device.
        precision: of `model`; None for what the file says.
        strict: fp16 and int8 keep 99.9 % of the Dice, not 99 %.
        progress: told about stage "parity".

    Raises:
        UsageError: nothing was trained in `build`, or a file whose precision has to be said.
        DataError: other classes, no test images, or a mask that is missing.
        BundleRefusedError: `model` is no model, or a bundle that is not what its hashes say.
        DeviceError: the host was not reached, or failed.
        ParityError: answers that cannot be compared.
    """
    outside = build.suffix == ".onnx"
    origin = build if outside else _trained(build)
    pre, classes = read_described(origin) if outside else _described(origin)
    with ExitStack() as stack:
        subject = stack.enter_context(open_subject(model))
        precision = precision or precision_of(subject.model)
        options = runnable(subject.options)
        chain = [stack.enter_context(open_shipped(subject.model, options, precision))]
        files: dict[str, dict[str, Path]] = {}
        if host is not None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ccnet-")))
            files[host.name] = _segmented(host, model, parity_samples(dataset), folder / "masks")
        if masks is not None:
            files[f"masks in {masks.name}"] = {path.stem: path for path in masks.glob("*.png")}
        size = (pre.height, pre.width)
        for name, found in files.items():
            chain.append(
                saved_masks(found, name=name, precision=precision, classes=len(classes), size=size)
            )
        prove = prove_parity_outside if outside else prove_parity
        return prove(origin, chain, dataset, options, strict=strict, progress=progress)


def _trained(build: Path) -> Path:
    """The folder of the trained network."""
    trained = trained_folder(build)
    if not (trained / TRAINED).is_file():
        raise UsageError(
            f"{build}: a build or what ccnet-edge train left was wanted, its {TRAINED} is missing",
            hint="give the directory that the model was exported from",
        )
    return trained


def _described(trained: Path) -> tuple[Preprocessing, tuple[str, ...]]:
    record = serial.load(TrainedNetwork, trained / TRAINED)
    return record.preprocessing, record.classes


def _segmented(
    host: Host, bundle: Path, samples: Sequence[Sample], folder: Path
) -> dict[str, Path]:
    """The samples' masks as `bundle` makes them on the host, by the samples' names."""
    masks = segment_on(host, bundle, [sample.image for sample in samples], folder)
    return {sample.name: mask for sample, mask in zip(samples, masks, strict=True)}


def gate_of(report: ParityReport) -> Gate:
    """The gate over a comparison that was made on this machine."""
    return parity_gate(report, where=place(environment()))


def check_comparison(report: ParityReport, *, model: Path) -> None:
    """Raise where a hop lost too much.

    Raises:
        ParityError: the clauses that failed, with their figures.
    """
    if not report.passed:
        raise ParityError(f"{model}: {gate_of(report).note}")
