"""The trained network as a torch module again, with normalisations folded into convolutions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ccnet_edge.nets import SpecModule, build_module
from ccnet_edge.nets.ops import ConvBn, ConvBnRelu, DepthwiseBnRelu
from ccnet_edge.spec import serial
from ccnet_edge.spec.conversion import CALIBRATION, NETWORK, WEIGHTS
from ccnet_edge.spec.network import NetworkSpec


def rebuild(folder: Path) -> SpecModule:
    """The module that `network.json` and `weights.safetensors` in `folder` are, to infer with."""
    module = build_module(serial.load(NetworkSpec, folder / NETWORK))
    module.load_state_dict(load((folder / WEIGHTS).read_bytes()))
    for name, block in module.eval().blocks.items():
        if isinstance(block, (ConvBnRelu, DepthwiseBnRelu)):
            folded = fuse_conv_bn_eval(block.conv, block.norm)
            linear = isinstance(block, ConvBn)
            module.blocks[name] = folded if linear else nn.Sequential(folded, nn.ReLU())
    return module


def calibration(folder: Path) -> NDArray[np.float32]:
    """The images that int8 is calibrated on, [N, C, H, W], read as they are used."""
    images: NDArray[np.float32] = np.load(folder / CALIBRATION, mmap_mode="r")
    return images


def example(shape: tuple[int, ...]) -> torch.Tensor:
    """An input [1, C, H, W] to trace with; what is in it does not matter."""
    return torch.zeros(shape)
