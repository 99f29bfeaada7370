"""Formats whose converters live in isolated environments: what they are given, and what they left.

The converter gets a folder with the network as data and as safetensors, or as ONNX, and writes
beside them; what it wrote is put in place here, whole.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

from ccnet_edge.errors import DataError
from ccnet_edge.export import check_network, describe_file
from ccnet_edge.export.options import ExportOptions, Inputs
from ccnet_edge.isolated import Child, find_environment
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import Artifact
from ccnet_edge.spec.conversion import CALIBRATION, NETWORK
from ccnet_edge.spec.conversion import WEIGHTS as CONVERTED_WEIGHTS
from ccnet_edge.spec.training import TrainedNetwork
from ccnet_edge.train import load_trained
from ccnet_edge.train.state import WEIGHTS

# litert-torch compiles, and calibration runs every image: minutes for a large network.
TIMEOUT_S = 3600.0


@contextmanager
def conversion_folder() -> Iterator[Path]:
    """A folder for what a converter reads and writes."""
    with tempfile.TemporaryDirectory(prefix="ccnet-edge-") as name:
        yield Path(name)


def convert(
    environment: str, folder: Path, record: TrainedNetwork, options: ExportOptions
) -> dict[str, bytes]:
    """Have the converter of `environment` work in `folder`; its files, by name.

    Raises:
        UsageError: the format has not all of the network's operators.
        MissingExtraError: the environment is not installed; with the command that does it.
        CcnetError: the converter failed, or was killed.
    """
    check_network(environment, record.network)
    interpreter = find_environment(environment).require(f"exporting {environment}")
    if options.calibration is not None:
        _save_images(folder / CALIBRATION, options.calibration)
    module = f"ccnet_edge.converters.{environment}"
    with Child(interpreter, module, what=f"the converter to {environment}") as child:
        reply = child.ask(
            "convert",
            timeout_s=TIMEOUT_S,
            folder=str(folder),
            precision=options.precision,
            shape=list(record.shape),
        )
    return {name: (folder / name).read_bytes() for name in reply.fields["files"]}


def export_torch(environment: str, trained: Path, out: Path, options: ExportOptions) -> Artifact:
    """Write the network in `trained` by a converter that takes torch's modules, to one file."""
    record, _ = load_trained(trained)  # which checks that the weights are the record's
    with conversion_folder() as folder:
        serial.save(record.network, folder / NETWORK)
        (folder / CONVERTED_WEIGHTS).write_bytes((trained / WEIGHTS).read_bytes())
        (content,) = convert(environment, folder, record, options).values()
    serial.write_bytes(out, content)
    return describe_file(
        out, kind=environment, opset=0, shape=record.shape, precision=options.precision
    )


def _save_images(path: Path, inputs: Inputs) -> None:
    """Inputs [1, C, H, W] as one array [N, C, H, W], one image in memory at a time.

    Raises:
        DataError: there are none.
    """
    count = sum(1 for _ in inputs)
    if not count:
        raise DataError("at least one image was wanted to calibrate int8, found none")
    images: np.memmap[tuple[int, ...], np.dtype[np.float32]] | None = None
    for number, x in enumerate(inputs):
        if images is None:
            images = open_memmap(path, "w+", np.float32, (count, *x.shape[1:]))
        images[number] = x[0]
