"""TensorRT 8's INT8 cache as text: a scale for every tensor, as calibration would leave it.

The format: a header that names version and algorithm, then `tensor: scale`, the scale's float32 in
big-endian hexadecimal (`TRT-8502-EntropyCalibration2`, `input: 3f800000`). trtexec reads it as
IInt8EntropyCalibrator2's, and TensorRT throws a cache away whose header names another version: so
the header is written on the device.
"""

from __future__ import annotations

import struct

from ccnet_edge.device.tensorrt.versions import Version, number_of
from ccnet_edge.spec.tensorrt import TensorScale


def cache_text(scales: tuple[TensorScale, ...], version: Version) -> str:
    """The cache's content for TensorRT `version`."""
    return f"{cache_header(number_of(version))}\n{cache_lines(scales)}"


def cache_header(number: int | str) -> str:
    """The first line; `number` is the version as TensorRT counts it."""
    return f"TRT-{number}-EntropyCalibration2"


def cache_lines(scales: tuple[TensorScale, ...]) -> str:
    """A line for every tensor."""
    return "".join(f"{each.tensor}: {struct.pack('>f', each.scale).hex()}\n" for each in scales)
