"""ncnn on the processor: graph and weights in one file, as `export --format ncnn` writes it.

The file is a zip, not compressed, of `model.param`, `model.bin` and `model.json`, which says the
input's shape and the precision. ncnn's own programs take the first two as they are.
"""

from __future__ import annotations

import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.device.backends.archives import model_name, open_archive
from ccnet_edge.device.backends.isolated import ShapedSession, open_anywhere
from ccnet_edge.device.backends.shapes import check_input
from ccnet_edge.errors import BundleRefusedError, ConfigError, DeviceError
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.target import Precision

NAME = "ncnn"
PARAM, BIN, ABOUT = "model.param", "model.bin", "model.json"
# What pnnx calls the network's ends.
INPUT, OUTPUT = "in0", "out0"
# Members larger than this are refused unread.
MAX_BYTES = 1 << 30


@dataclass(frozen=True, kw_only=True)
class NcnnModel:
    """What a model file says of itself; `shape` is [1, C, H, W], 0 where any size goes."""

    shape: tuple[int, int, int, int]
    precision: Precision


class NcnnSession:
    """A loaded network."""

    def __init__(self, net: Any, about: NcnnModel) -> None:
        self._net, self.shape = net, about.shape

    def run(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits [1, outputs, H, W] float32.

        Raises:
            DeviceError: the engine refuses the input, by shape or type, or fails.
        """
        import ncnn

        check_input(NAME, x, self.shape)
        extractor = self._net.create_extractor()
        # NOTE: a copy, since ncnn's own view of an array does not keep it alive.
        status = extractor.input(INPUT, ncnn.Mat(np.ascontiguousarray(x[0])).clone())
        failed, logits = extractor.extract(OUTPUT) if status == 0 else (status, None)
        if failed:
            raise DeviceError(f"{NAME} failed on an input {list(x.shape)} with status {failed}")
        return np.array(logits, np.float32)[None]

    def close(self) -> None:
        """Give the network's memory back."""
        self._net = None


def open_ncnn(model: Path | bytes, options: SessionOptions) -> ShapedSession:
    """The model of format `ncnn` in a file or in memory; see `backends.open_session`."""
    return open_anywhere(_open, model, options)


def _open(model: Path | bytes, options: SessionOptions) -> NcnnSession:
    import ncnn

    members = read_members(model)
    about = _about(members[ABOUT])
    net = ncnn.Net()
    net.opt.num_threads = options.threads
    net.opt.use_vulkan_compute = False
    # NOTE: on Arm ncnn would compute in half precision by itself, whatever the weights are.
    half = about.precision == "fp16"
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = half
    net.opt.use_bf16_packed = net.opt.use_bf16_storage = False
    with tempfile.TemporaryDirectory(prefix="ccnet-edge-") as name:
        folder = Path(name)
        (folder / PARAM).write_bytes(members[PARAM])
        (folder / BIN).write_bytes(members[BIN])
        failed = net.load_param(str(folder / PARAM)) or net.load_model(str(folder / BIN))
    if failed:
        raise BundleRefusedError(
            f"{NAME} could not load the model (status {failed})",
            hint="it is damaged, or needs a newer ncnn; export it again",
        )
    return NcnnSession(net, about)


def read_members(model: Path | bytes) -> dict[str, bytes]:
    """The members of a model file.

    Raises:
        BundleRefusedError: no such file.
    """
    name, hint = model_name(model), "export it with ccnet-edge export --format ncnn"
    with open_archive(model, engine="ncnn", hint=hint) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        missing = {PARAM, BIN, ABOUT} - entries.keys()
        if missing:
            raise BundleRefusedError(f"{name}: {', '.join(sorted(missing))} missing", hint=hint)
        for entry in entries.values():
            if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > MAX_BYTES:
                raise BundleRefusedError(f"{name}: {entry.filename} is compressed or too large")
        return {member: archive.read(member) for member in (PARAM, BIN, ABOUT)}


def _about(content: bytes) -> NcnnModel:
    try:
        return serial.from_json(NcnnModel, content.decode("utf-8", "replace"), where=ABOUT)
    except ConfigError as error:
        raise BundleRefusedError(error.message, hint=error.hint) from error
