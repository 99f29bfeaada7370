"""A model file of one's own against the network that a build trained, hop by hop."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from ccnet_edge.bench import open_subject
from ccnet_edge.dataset import SegmentationDataset
from ccnet_edge.device.environment import environment
from ccnet_edge.device.gates import place
from ccnet_edge.errors import ParityError, UsageError
from ccnet_edge.export import TRAINED, trained_folder
from ccnet_edge.spec import serial
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.spec.report import Gate, ParityReport
from ccnet_edge.spec.target import Precision
from ccnet_edge.spec.training import TrainedNetwork
from ccnet_edge.verify import open_shipped, parity_gate, precision_of, prove_parity, saved_masks


def compare_with_trained(
    model: Path,
    build: Path,
    dataset: SegmentationDataset,
    *,
    masks: Path | None = None,
    precision: Precision | None = None,
    strict: bool = False,
    progress: Progress = silent,
) -> ParityReport:
    """Every hop from the network that `build` trained to `model`, over the test split.

    Args:
        model: an exported file, a bundle or a build directory.
        build: a build directory, or a folder that training left behind.
        dataset: what it was trained on.
        masks: a folder of masks of the test images that `run` wrote with the same model on a
            device: one hop more.
        precision: of `model`; None for what the file says.
        strict: fp16 and int8 keep 99.9 % of the Dice, not 99 %.
        progress: told about stage "parity".

    Raises:
        UsageError: nothing was trained in `build`, or a file whose precision has to be said.
        DataError: other classes, no test images, or a mask that is missing.
        BundleRefusedError: `model` is no model, or a bundle that is not what its hashes say.
        ParityError: answers that cannot be compared.
    """
    trained = trained_folder(build)
    if not (trained / TRAINED).is_file():
        raise UsageError(
            f"{build}: a build or what ccnet-edge train left was wanted, its {TRAINED} is missing",
            hint="give the directory that the model was exported from",
        )
    with ExitStack() as stack:
        subject = stack.enter_context(open_subject(model))
        precision = precision or precision_of(subject.model)
        chain = [stack.enter_context(open_shipped(subject.model, subject.options, precision))]
        if masks is not None:
            record = serial.load(TrainedNetwork, trained / TRAINED)
            pre, classes = record.preprocessing, len(record.classes)
            chain.append(
                saved_masks(
                    masks,
                    name=f"masks in {masks.name}",
                    precision=precision,
                    classes=classes,
                    size=(pre.height, pre.width),
                )
            )
        return prove_parity(
            trained, chain, dataset, subject.options, strict=strict, progress=progress
        )


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
