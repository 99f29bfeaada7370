"""A trained network for ncnn: graph and weights, by pnnx from ONNX, in one file."""

from __future__ import annotations

from pathlib import Path

from ccnet_edge.device.backends.ncnn import ABOUT, BIN, PARAM, NcnnModel
from ccnet_edge.device.bundle.zips import zip_bytes
from ccnet_edge.export import describe_file
from ccnet_edge.export.isolated import conversion_folder, convert
from ccnet_edge.export.onnx import export_onnx
from ccnet_edge.export.options import ExportOptions
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import Artifact
from ccnet_edge.spec.conversion import ONNX
from ccnet_edge.spec.training import TrainedNetwork
from ccnet_edge.train.state import TRAINED


def export_ncnn(trained: Path, out: Path, options: ExportOptions) -> Artifact:
    """Write the network in the folder `trained` to `out`; see `export.export`.

    fp16 halves the weights' file; on Arm ncnn then computes in half precision as well. NOTE: int8
    needs ncnn2table and ncnn2int8, which no package holds, so it is not offered.

    Raises:
        MissingExtraError: the isolated environment is not installed.
    """
    with conversion_folder() as folder:
        export_onnx(trained, folder / ONNX, ExportOptions())
        record = serial.load(TrainedNetwork, trained / TRAINED)
        graph, weights = convert("ncnn", folder, record, options).values()
    shape = (*record.shape[:2], 0, 0) if options.dynamic else record.shape
    about = serial.to_json(NcnnModel(shape=shape, precision=options.precision)).encode()
    serial.write_bytes(out, zip_bytes({PARAM: graph, BIN: weights, ABOUT: about}))
    return describe_file(out, kind="ncnn", opset=0, shape=shape, precision=options.precision)
