"""The networks that engines are compared on, and the files that their conversions start from."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from benchmarks.engines.adapter import Array
from benchmarks.engines.setups import ROOT
from benchmarks.engines.source import CALIBRATION, INPUT, INT8_ONNX, ONNX, REFERENCE, TORCH
from ccnet_edge.architectures import base_network
from ccnet_edge.export.metadata import ModelMetadata
from ccnet_edge.export.onnx import INPUT as ONNX_INPUT
from ccnet_edge.export.onnx import write_onnx
from ccnet_edge.nets import SpecModule, build_module
from ccnet_edge.nets.ops import ConvBnRelu
from ccnet_edge.spec.artifact import Preprocessing

CHANNELS = 3
CLASSES = ("background", "foreground")
CALIBRATION_IMAGES = 2
SEED = 0

NETWORKS: dict[str, tuple[int, ...]] = {
    "u4": (4, 8, 16, 32, 64),
    "u8": (8, 16, 32, 64, 128),
    "u16": (16, 32, 64, 128, 256),
    "layer-wise": (20, 19, 25, 29, 33),
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A network on square images of `size` pixels a side."""

    network: str
    size: int

    @property
    def widths(self) -> tuple[int, ...]:
        """The network's channels by scale."""
        return NETWORKS[self.network]

    @property
    def name(self) -> str:
        """A folder's name that no other case has."""
        return f"{self.network}-{self.size}"


def sources_id() -> str:
    """A digest of what the files of a case depend on beside the case: this module and the pins."""
    files = (Path(__file__), ROOT / "constraints.txt")
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:8]


def write_sources(case: Case, folder: Path) -> Path:
    """Write all files of `source` into `folder`, unless they are there; give the folder back.

    Weights are random: they are time and memory's business no more than the images, which are
    noise. Errors of int8 on them say that an engine computes the network, not how well.
    """
    if not (folder / REFERENCE).exists():
        folder.mkdir(parents=True, exist_ok=True)
        module = _module(case)
        _write_models(case, module, folder)
        # Last: it says that the others are whole.
        session = onnxruntime.InferenceSession(str(folder / ONNX))
        np.save(folder / REFERENCE, session.run(None, {ONNX_INPUT: np.load(folder / INPUT)})[0])
    return folder


def _module(case: Case) -> SpecModule:
    spec = base_network("unet", channels=CHANNELS, classes=len(CLASSES)).with_widths(case.widths)
    return build_module(spec, seed=SEED).eval()


def _write_models(case: Case, module: SpecModule, folder: Path) -> None:
    chance = np.random.default_rng(SEED)
    shape = (CHANNELS, case.size, case.size)
    image, *others = chance.standard_normal((1 + CALIBRATION_IMAGES, *shape), np.float32)
    np.save(folder / INPUT, image[None])
    np.save(folder / CALIBRATION, np.stack(others))
    metadata = ModelMetadata(
        network=module.spec,
        classes=CLASSES,
        preprocessing=Preprocessing(
            height=case.size,
            width=case.size,
            channels=CHANNELS,
            maximum=255.0,
            mean=(0.5,) * CHANNELS,
            std=(0.25,) * CHANNELS,
        ),
    )
    write_onnx(module, metadata, folder / ONNX, dynamic=False)
    quantise(folder / ONNX, np.stack(others), folder / INT8_ONNX)
    # NOTE: numpy's own new axis has stride 0, which ExecuTorch refuses.
    example = torch.from_numpy(image)[None]
    torch.export.save(torch.export.export(fold(module), (example,)), folder / TORCH)


def fold(module: SpecModule) -> SpecModule:
    """`module` with its normalisations folded into convolutions, as the ONNX file has them."""
    for name, block in module.blocks.items():
        if isinstance(block, ConvBnRelu):
            conv = fuse_conv_bn_eval(block.conv, block.norm)
            module.blocks[name] = nn.Sequential(conv, nn.ReLU())
    return module


def quantise(model: Path, images: Array, out: Path) -> None:
    """Write `model` as QDQ: static, weights per channel in int8, activations in uint8."""
    logging.getLogger().setLevel(logging.ERROR)
    prepared = out.with_suffix(".prepared.onnx")
    quant_pre_process(model, prepared, skip_symbolic_shape=True)
    quantize_static(
        prepared,
        out,
        _Images(images),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
    )
    prepared.unlink()


class _Images(CalibrationDataReader):
    """The calibration images, one at a time."""

    def __init__(self, images: Array) -> None:
        self._images = iter(images)

    def get_next(self) -> dict[str, Array] | None:
        """The next image as the session takes it, None after the last."""
        image = next(self._images, None)
        return None if image is None else {ONNX_INPUT: image[None]}
