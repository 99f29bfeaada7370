"""The ranges of a trained network's values over real images: what int8 is scaled by."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ccnet_edge.errors import DataError
from ccnet_edge.native.quantise import Range, Ranges, affine
from ccnet_edge.nets import SpecModule

# Prepared images, [1, C, H, W] float32 each; gone through twice.
Inputs = Iterable[NDArray[np.float32]]

BINS = 2048
# Shares of the range that was seen; what lies outside is clamped.
SHARES = tuple(percent / 100 for percent in range(100, 29, -1))
# Operators that make values of their own.
MAKERS = frozenset({"input", "conv", "conv_bn_relu", "upconv"})


def calibrate(module: SpecModule, inputs: Inputs) -> Ranges:
    """For the input and every convolution, the range that rounds its values with least error.

    The extremes come first, a histogram between them second, and then the share of the range is
    sought whose 256 levels have the least squared error over the histogram: outliers are
    clamped where that makes the rest finer. After ReLUs the range begins at 0.

    Raises:
        DataError: no images, or values that are not finite.
    """
    extremes = {name: Range(low=np.inf, high=-np.inf) for name in _makers(module)}

    def widen(name: str, values: NDArray[np.float32]) -> None:
        seen = extremes[name]
        low, high = float(values.min()), float(values.max())
        extremes[name] = Range(low=min(seen.low, low), high=max(seen.high, high))

    _watch(module, inputs, widen)
    for name, seen in extremes.items():
        if not (np.isfinite(seen.low) and np.isfinite(seen.high)):
            raise DataError(
                f"{name}: finite values of at least one image were wanted to calibrate int8, "
                f"found {seen.low} to {seen.high}"
            )
    counts = {name: np.zeros(BINS, np.int64) for name in extremes}

    def count(name: str, values: NDArray[np.float32]) -> None:
        seen = extremes[name]
        counts[name] += np.histogram(values, bins=BINS, range=(seen.low, seen.high))[0]

    _watch(module, inputs, count)
    return {name: best_range(seen, counts[name]) for name, seen in extremes.items()}


def best_range(seen: Range, counts: NDArray[np.int64]) -> Range:
    """The share of a range whose levels are nearest to a histogram's values, in squares."""
    edges = np.linspace(seen.low, seen.high, len(counts) + 1)
    middles = (edges[:-1] + edges[1:]) / 2
    found = [Range(low=seen.low * share, high=seen.high * share) for share in SHARES]
    return min(found, key=lambda each: _error(each, middles, counts))


def _error(each: Range, values: NDArray[np.float64], counts: NDArray[np.int64]) -> float:
    stored = affine(each)
    levels = np.clip(np.rint(values / stored.scale) + stored.zero, 0, 255)
    back = stored.scale * (levels - stored.zero)
    return float((counts * (values - back) ** 2).sum())


def _makers(module: SpecModule) -> dict[str, nn.Module]:
    return {
        node.name: module.blocks[node.name.replace(".", "_")]
        for node in module.spec.nodes
        if node.op in MAKERS
    }


def _watch(
    module: SpecModule, inputs: Inputs, see: Callable[[str, NDArray[np.float32]], None]
) -> None:
    """Run all images, showing what every maker makes."""

    def shown(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        return lambda _module, _inputs, made: see(name, made.numpy())

    with ExitStack() as hooks, torch.inference_mode():
        for name, block in _makers(module).items():
            hooks.callback(block.register_forward_hook(shown(name)).remove)
        for x in inputs:
            module(torch.from_numpy(np.ascontiguousarray(x)))
