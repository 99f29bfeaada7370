"""A torch network as a function from image to logits, as every engine here is one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from ccnet_edge.device.imaging.tiling import predict_tiled, receptive_radius
from ccnet_edge.nets import SpecModule

# [1, C, H, W] float32 → logits [1, outputs, H, W] float32.
Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]

# Above this many pixels an image goes through the network in tiles: 2048² of the U-Net's first
# scale at 64 channels are 1 GiB a feature map.
LARGEST_WHOLE = 2048 * 2048
_TILE = 1024


def torch_predict(module: SpecModule, *, largest_whole: int = LARGEST_WHOLE) -> Predict:
    """A `Predict` of `module` on the device where its weights are.

    Images of more than `largest_whole` pixels go in tiles whose halo is the network's whole
    receptive field, so the logits are those of the whole image.
    """
    device = next(module.parameters()).device
    module.eval()

    @torch.inference_mode()
    def whole(x: NDArray[np.float32]) -> NDArray[np.float32]:
        image = torch.from_numpy(np.ascontiguousarray(x)).to(device)
        logits: torch.Tensor = module(image.to(memory_format=torch.channels_last))
        return logits.float().contiguous().cpu().numpy()

    def predict(x: NDArray[np.float32]) -> NDArray[np.float32]:
        height, width = x.shape[2:]
        if height * width <= largest_whole:
            return whole(x)
        stride = module.spec.output_stride
        halo = -(-receptive_radius(module.spec) // stride) * stride
        tile = tuple(min(n, max(_TILE, 4 * halo)) for n in (height, width))
        return predict_tiled(whole, x, tile=(tile[0], tile[1]), halo=halo, stride=stride)

    return predict
