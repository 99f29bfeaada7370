"""What `export` reads from its options: training images that int8 is calibrated on."""

from __future__ import annotations

from pathlib import Path

from ccnet_edge.cli.data_options import DatasetRequest
from ccnet_edge.dataset import PreparedImages, spread
from ccnet_edge.errors import UsageError
from ccnet_edge.export import TRAINED
from ccnet_edge.spec import serial
from ccnet_edge.spec.progress import Progress
from ccnet_edge.spec.training import TrainedNetwork

# Ranges hardly move with more images; each is computed twice.
CALIBRATION_IMAGES = 64


def calibration_for(
    precision: str, trained: Path, request: DatasetRequest, progress: Progress
) -> PreparedImages | None:
    """The images for int8, evenly spread over the training split; None for fp32.

    Raises:
        UsageError: int8 without images, or images for fp32.
        DataError: the data set cannot be read, or nothing was trained in `trained`.
    """
    if precision == "fp32":
        if request.data is not None:
            raise UsageError("--data is for --precision int8, which is calibrated on its images")
        return None
    if request.data is None:
        raise UsageError(
            "--data was wanted: int8 is calibrated on training images",
            hint="give the folder that the network was trained on",
        )
    record = serial.load(TrainedNetwork, trained / TRAINED)
    dataset = request.open(progress)
    return PreparedImages(dataset, spread(dataset.train, CALIBRATION_IMAGES), record.preprocessing)
