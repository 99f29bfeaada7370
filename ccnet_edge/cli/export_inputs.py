"""What `export` makes of its options: how to write, and the images that int8 is calibrated on."""

from __future__ import annotations

import platform
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ccnet_edge.cli.console import print_json, say
from ccnet_edge.cli.data_options import DatasetRequest
from ccnet_edge.compiler.keeping import keep_accuracy as keep
from ccnet_edge.dataset import PreparedImages, spread
from ccnet_edge.errors import UsageError
from ccnet_edge.export import TRAINED, ExportOptions, check_mixed, check_options
from ccnet_edge.export.options import CALIBRATION_IMAGES, Method
from ccnet_edge.report.kept import describe_kept
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import Artifact
from ccnet_edge.spec.plan import Limits
from ccnet_edge.spec.progress import Progress
from ccnet_edge.spec.target import Precision
from ccnet_edge.spec.training import TrainedNetwork
from ccnet_edge.targets import load_profile
from ccnet_edge.units import format_bytes


def options_for(
    format_: str,
    trained: Path,
    *,
    dataset_request: DatasetRequest,
    precision: Precision,
    calibration: Method,
    keep_accuracy: bool,
    dynamic: bool,
    target: str | None,
    tensorrt: str | None,
    ram: int | None,
    disk: int | None,
    progress: Progress,
) -> ExportOptions:
    """How `format_` is to be written, refused before any image is read where it cannot be.

    Raises:
        UsageError: what the format cannot hold, int8 without images, or images for another.
        DataError: the data set cannot be read, or nothing was trained in `trained`.
    """
    calibrated = dataset_request.data is not None
    check_options(format_, precision, dynamic=dynamic, calibrated=calibrated)
    if keep_accuracy:
        check_mixed(format_)
        if precision != "int8":
            raise UsageError("--keep-accuracy is for --precision int8")
    profile = load_profile(target) if target is not None else None
    options = ExportOptions(
        precision=precision,
        dynamic=dynamic,
        machine=profile.instruction_set if profile is not None else platform.machine(),
        limits=Limits(ram_bytes=ram, disk_bytes=disk),
        method=calibration,
        tensorrt=tensorrt or (profile.tensorrt if profile is not None else None),
    )
    if not calibrated:
        return options
    record = serial.load(TrainedNetwork, trained / TRAINED)
    dataset = dataset_request.open(progress)
    images = spread(dataset.train, CALIBRATION_IMAGES)
    options = replace(options, calibration=PreparedImages(dataset, images, record.preprocessing))
    if not keep_accuracy:
        return options
    kept = keep(trained, dataset, options, progress=progress)
    say(describe_kept(kept))
    return replace(options, exclude=frozenset(kept.returned))


def write_outside(
    model: Path, out: Path, format_: str, progress: Progress, given: dict[str, Any]
) -> Artifact:
    """Write an ONNX file from elsewhere as another format.

    Raises:
        UsageError: a format that it cannot be written in, or a file that cannot be used.
        ConfigError: int8 of a file that does not say how its images are made.
    """
    from ccnet_edge.export.metadata import read_described
    from ccnet_edge.export.outside_formats import export_outside

    if given["keep_accuracy"]:
        raise UsageError("--keep-accuracy is for networks that were trained here, or adopted")
    profile = load_profile(given["target"]) if given["target"] is not None else None
    request, calibration = given["dataset_request"], None
    if request.data is not None:
        preprocessing, _ = read_described(model)
        dataset = request.open(progress)
        images = spread(dataset.train, CALIBRATION_IMAGES)
        calibration = PreparedImages(dataset, images, preprocessing)
    options = ExportOptions(
        precision=given["precision"],
        dynamic=given["dynamic"],
        machine=profile.instruction_set if profile is not None else platform.machine(),
        limits=Limits(ram_bytes=given["ram"]),
        calibration=calibration,
        method=given["calibration"],
        tensorrt=given["tensorrt"] or (profile.tensorrt if profile is not None else None),
    )
    return export_outside(model, out, format_, options)


def show(artifact: Artifact, path: Path, as_json: bool) -> None:
    """Print what was written: a line for people, or JSON."""
    opset = f"  opset {artifact.opset}" if artifact.opset else ""
    size = format_bytes(artifact.size_bytes)
    text = f"{path}  {size}{opset}  sha256 {artifact.sha256}"
    print_json(artifact) if as_json else click.echo(text)
