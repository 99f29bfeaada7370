"""The ranges of a trained network's values over real images: what int8 is scaled by."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import ExitStack

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ccnet_edge.errors import DataError
from ccnet_edge.export.options import Inputs
from ccnet_edge.native.quantise import Range, Seen, store
from ccnet_edge.native.rounding import Moments
from ccnet_edge.nets import SpecModule
from ccnet_edge.nets.ops import convolution_of

BINS = 2048
# Places of an image that moments are taken at, and inputs of a result that have a covariance:
# 2304 of 256 channels are 42 MB.
MOST_PLACES, LARGEST_MATRIX = 16_384, 2_304
# Shares of the range that was seen; what lies outside is clamped.
SHARES = tuple(percent / 100 for percent in range(100, 29, -1))
# Operators that make values of their own.
MAKERS = frozenset({"input", "conv", "conv_bn_relu", "upconv"})


def calibrate(module: SpecModule, inputs: Inputs) -> Seen:
    """Ranges for every channel of the input and of convolutions, and what convolutions read.

    Ranges are those that round with least error: the extremes come first, a histogram between
    them second, and then the share of the range is sought whose 256 levels have the least squared
    error over the histogram. Outliers are clamped where that makes the rest finer.

    Raises:
        DataError: no images, or values that are not finite.
    """
    lows: dict[str, NDArray[np.float32]] = {}
    highs: dict[str, NDArray[np.float32]] = {}

    def widen(name: str, values: NDArray[np.float32]) -> None:
        low, high = values.min(axis=(0, 2, 3)), values.max(axis=(0, 2, 3))
        lows[name] = np.minimum(lows.get(name, low), low)
        highs[name] = np.maximum(highs.get(name, high), high)

    _watch(module, inputs, widen)
    if not lows:
        raise DataError("at least one image was wanted to calibrate int8, found none")
    for name, low in lows.items():
        if not (np.isfinite(low).all() and np.isfinite(highs[name]).all()):
            raise DataError(f"{name}: finite values were wanted to calibrate int8")
    counts = {name: np.zeros((len(low), BINS), np.int64) for name, low in lows.items()}
    gathered = {
        name: Gathered(convolution)
        for name, block in _makers(module).items()
        if (convolution := convolution_of(block)) is not None
    }

    def count(name: str, values: NDArray[np.float32]) -> None:
        counts[name] += histograms(values, lows[name], highs[name])

    _watch(module, inputs, count, gathered)
    ranges = {
        name: tuple(
            best_range(Range(low=float(low), high=float(high)), each)
            for low, high, each in zip(lows[name], highs[name], counts[name], strict=True)
        )
        for name in lows
    }
    return Seen(ranges=ranges, moments={name: each.moments() for name, each in gathered.items()})


class Gathered:
    """Moments of what a convolution reads, as they are gathered image by image."""

    def __init__(self, convolution: nn.Conv2d | nn.ConvTranspose2d) -> None:
        spread = 1 if isinstance(convolution, nn.ConvTranspose2d) else convolution.kernel_size[0]
        size = convolution.in_channels * spread**2
        self._kernel, self._count = spread, 0
        self._sums = torch.zeros(size, dtype=torch.float64)
        whole = size <= LARGEST_MATRIX
        self._squares = torch.zeros(size, size, dtype=torch.float64) if whole else None

    def add(self, x: Tensor) -> None:
        """What the convolution reads of [N, C, H, W], at places that are evenly spread."""
        apart = max(1, math.ceil(math.sqrt(x.shape[2] * x.shape[3] / MOST_PLACES)))
        k = self._kernel
        read = nn.functional.unfold(x, k, padding=k // 2, stride=apart)  # [N, C k², places]
        read = read.transpose(0, 1).flatten(1).double()
        self._count += read.shape[1]
        self._sums += read.sum(dim=1)
        if self._squares is not None:
            self._squares += read @ read.T

    def moments(self) -> Moments:
        """Of all that was added."""
        mean = self._sums / self._count
        if self._squares is None:
            return Moments(mean=mean.numpy(), covariance=None)
        covariance = self._squares / self._count - torch.outer(mean, mean)
        return Moments(mean=mean.numpy(), covariance=covariance.numpy())


def histograms(
    values: NDArray[np.float32], low: NDArray[np.float32], high: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Values [N, C, H, W] between their channels' extremes → counts [C, BINS]."""
    width = np.where(high > low, (high - low) / BINS, 1)[:, None, None]
    bins = np.minimum((values - low[:, None, None]) / width, BINS - 1).astype(np.int64)
    bins += BINS * np.arange(len(low))[:, None, None]
    return np.bincount(bins.ravel(), minlength=BINS * len(low)).reshape(len(low), BINS)


def best_range(seen: Range, counts: NDArray[np.int64]) -> Range:
    """The share of a range whose levels are nearest to a histogram's values, in squares."""
    edges = np.linspace(seen.low, seen.high, len(counts) + 1)
    middles = (edges[:-1] + edges[1:]) / 2
    found = [Range(low=seen.low * share, high=seen.high * share) for share in SHARES]
    return min(found, key=lambda each: _error(each, middles, counts))


def _error(each: Range, values: NDArray[np.float64], counts: NDArray[np.int64]) -> float:
    stored = store([each])
    levels = np.clip(np.rint(values / stored.scales) + stored.zeros, 0, 255)
    back = stored.scales * (levels - stored.zeros)
    return float((counts * (values - back) ** 2).sum())


def _makers(module: SpecModule) -> dict[str, nn.Module]:
    return {node.name: module.block(node) for node in module.spec.nodes if node.op in MAKERS}


def _watch(
    module: SpecModule,
    inputs: Inputs,
    see: Callable[[str, NDArray[np.float32]], None],
    gathered: Mapping[str, Gathered] | None = None,
) -> None:
    """Run all images, showing what every maker makes and what convolutions read."""

    def shown(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def show(_: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
            see(name, made.numpy())
            if gathered is not None and name in gathered:
                gathered[name].add(given[0])

        return show

    with ExitStack() as hooks, torch.inference_mode():
        for name, block in _makers(module).items():
            hooks.callback(block.register_forward_hook(shown(name)).remove)
        for x in inputs:
            module(torch.from_numpy(np.ascontiguousarray(x)))
