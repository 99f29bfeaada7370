"""The way from a trained network to what ships: torch, its export in fp32, and what follows."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path

from ccnet_edge.dataset import Sample, SegmentationDataset, spread
from ccnet_edge.errors import DataError
from ccnet_edge.export import FILES, FORMATS, ExportOptions, export
from ccnet_edge.export.metadata import read_described
from ccnet_edge.spec.artifact import Preprocessing, SessionOptions
from ccnet_edge.spec.progress import Progress, silent
from ccnet_edge.spec.report import ParityReport
from ccnet_edge.spec.target import Precision
from ccnet_edge.train import load_trained, torch_predict
from ccnet_edge.verify.examples import Examples, Predictor, predictor
from ccnet_edge.verify.hops import follow
from ccnet_edge.verify.parity import open_predict, report_hops

# Test images that parity is shown on: as many as it takes a minute for, evenly spread.
PARITY_IMAGES = 64


def prove_parity(
    trained: Path,
    shipped: Sequence[Predictor],
    dataset: SegmentationDataset,
    options: SessionOptions,
    *,
    strict: bool = False,
    progress: Progress = silent,
) -> ParityReport:
    """Every hop from the network in `trained` to the last of `shipped`, over real test images.

    Where what ships is not in fp32, the same network is exported in fp32 for the same engine and
    stands between, so that what rounding costs is told from what exporting does.

    Args:
        trained: a folder that training left behind.
        shipped: the model file's predictor, then what follows it, a device's.
        dataset: whose test split is looked at.
        options: of the engine that runs the model.
        strict: fp16 and int8 keep 99.9 % of the Dice, not 99 %.
        progress: told about stage "parity".

    Raises:
        DataError: the data has other classes, or no test images.
        ParityError: answers that cannot be compared; what is merely worse is in the report.
    """
    record, module = load_trained(trained)
    if dataset.classes != record.classes:
        raise DataError(
            f"{dataset.name}: the classes {', '.join(record.classes)} of the trained network were "
            f"wanted, found {', '.join(dataset.classes)}",
            hint="give the data that it was trained on, read with the same options",
        )
    start = predictor(torch_predict(module), name="torch", precision="fp32")
    return _prove(
        (start, partial(_exported, trained, options)),
        shipped,
        dataset,
        record.preprocessing,
        strict=strict,
        progress=progress,
    )


def prove_parity_outside(
    original: Path,
    shipped: Sequence[Predictor],
    dataset: SegmentationDataset,
    options: SessionOptions,
    *,
    strict: bool = False,
    progress: Progress = silent,
) -> ParityReport:
    """The same from an ONNX file in fp32 that was not trained here, run by ONNX Runtime.

    Raises:
        ConfigError: the file does not say how its images are made.
        UsageError: it cannot be written for the engine that runs the model.
        DataError, ParityError: see `prove_parity`.
    """
    preprocessing, classes = read_described(original)
    if dataset.classes != classes:
        raise DataError(
            f"{dataset.name}: the classes {', '.join(classes)} that {original.name} names were "
            f"wanted, found {', '.join(dataset.classes)}",
            hint="say which mask values they are: --classes "
            + ",".join(f"{name}=VALUE" for name in classes),
        )
    with open_predict(original, SessionOptions()) as predict:
        start = predictor(predict, name=original.name, precision="fp32")
        return _prove(
            (start, partial(_exported_outside, original, options)),
            shipped,
            dataset,
            preprocessing,
            strict=strict,
            progress=progress,
        )


# A predictor in fp32, and the same network as an fp32 export for the engine that runs what ships.
Origin = tuple[Predictor, Callable[[], AbstractContextManager[Predictor]]]


def _prove(
    origin: Origin,
    shipped: Sequence[Predictor],
    dataset: SegmentationDataset,
    preprocessing: Preprocessing,
    *,
    strict: bool,
    progress: Progress,
) -> ParityReport:
    start, exported = origin
    samples = parity_samples(dataset)
    with ExitStack() as stack:
        between = []
        if shipped[0].precision != "fp32":
            between.append(stack.enter_context(exported()))
        hops = follow(
            (start, *between, *shipped),
            Examples(dataset, samples, preprocessing),
            classes=dataset.classes,
            strict=strict,
            progress=progress,
        )
    return report_hops(hops)


def parity_samples(dataset: SegmentationDataset) -> tuple[Sample, ...]:
    """The test images that parity is shown on.

    Raises:
        DataError: there are none.
    """
    samples = spread(dataset.test, PARITY_IMAGES)
    if not samples:
        raise DataError(f"{dataset.name}: parity needs test images, the test split has none")
    return samples


@contextmanager
def open_shipped(model: Path, options: SessionOptions, precision: Precision) -> Iterator[Predictor]:
    """The predictor in a model file, for as long as the context lasts."""
    with open_predict(model, options) as predict:
        name = f"{FORMATS.get(options.engine, options.engine)} {precision}"
        yield predictor(predict, name=name, precision=precision)


@contextmanager
def _exported(trained: Path, options: SessionOptions) -> Iterator[Predictor]:
    """The network in `trained` as an fp32 export for the same engine."""
    kind = FORMATS[options.engine]
    with tempfile.TemporaryDirectory(prefix="ccnet-") as folder:
        model = Path(folder) / FILES[kind]
        export(kind, trained, model)
        with open_shipped(model, options, "fp32") as shipped:
            yield shipped


@contextmanager
def _exported_outside(original: Path, options: SessionOptions) -> Iterator[Predictor]:
    """The network in an ONNX file as an fp32 export for the same engine."""
    from ccnet_edge.export.outside_formats import export_outside

    kind = FORMATS[options.engine]
    with tempfile.TemporaryDirectory(prefix="ccnet-") as folder:
        model = Path(folder) / FILES[kind]
        export_outside(original, model, kind, ExportOptions())
        with open_shipped(model, options, "fp32") as shipped:
            yield shipped
