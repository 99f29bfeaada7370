"""The ranges of an ONNX graph's values over real images: what its int8 form is scaled by.

ONNX Runtime's own calibrators keep every image's values at once for histograms, know entropy with
one candidate alone (128 bins for 128 levels), and print; so values are gathered here, one image
in memory at a time, and the graph is quantised by its library with what was found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import ModelProto

from ccnet_edge.errors import DataError, UsageError
from ccnet_edge.export.onnx_graph import INPUT
from ccnet_edge.export.options import Inputs, Method
from ccnet_edge.native.quantise import Range

# Of a histogram between the extremes that were seen, and levels of 8 bits.
BINS, LEVELS = 2048, 256
# Of the values, this many percent are kept between the two cuts.
PERCENTILE = 99.99


def activation_ranges(model: ModelProto, inputs: Inputs, method: Method) -> dict[str, Range]:
    """A range for the input and for the result of every node whose values are stored.

    Args:
        model: in float32, with one input.
        inputs: prepared images, gone through once for `minmax` and twice for the others.
        method: how extremes are cut.

    Raises:
        DataError: no images, or values that are not finite.
    """
    run = _Watched(model)
    extremes: dict[str, Range] = {}
    for name, values in run.values(inputs):
        low, high = float(values.min()), float(values.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            raise DataError(f"{name}: finite values were wanted to calibrate int8")
        seen = extremes.get(name, Range(low=low, high=high))
        extremes[name] = Range(low=min(seen.low, low), high=max(seen.high, high))
    if not extremes:
        raise DataError("at least one image was wanted to calibrate int8, found none")
    if method == "minmax":
        return extremes
    counts = {name: np.zeros(BINS, np.int64) for name in extremes}
    for name, values in run.values(inputs):
        seen = extremes[name]
        counts[name] += np.histogram(values, bins=BINS, range=(seen.low, seen.high))[0]
    cut: Callable[[Range, NDArray[np.int64]], Range]
    cut = percentile_range if method == "percentile" else entropy_range
    return {
        name: cut(seen, counts[name]) if seen.low < seen.high else seen
        for name, seen in extremes.items()
    }


def percentile_range(seen: Range, counts: NDArray[np.int64]) -> Range:
    """The edges of the bins between which `PERCENTILE` % of the values lie, half cut each side."""
    edges = np.linspace(seen.low, seen.high, len(counts) + 1)
    share = np.cumsum(counts) / counts.sum()
    beside = (100 - PERCENTILE) / 200
    first = int(np.searchsorted(share, beside, side="right"))
    last = int(np.searchsorted(share, 1 - beside))
    return Range(low=float(edges[first]), high=float(edges[min(last + 1, len(counts))]))


def entropy_range(seen: Range, counts: NDArray[np.int64]) -> Range:
    """The share of the range whose levels lose least of the distribution (Kullback-Leibler).

    Both ends move to zero together, from the whole range down to as many bins as there are levels.
    What a rectifier made zero is no part of the distribution: it is exact at any scale, and would
    outweigh all else, so its bin counts as much as the next one.
    """
    edges = np.linspace(seen.low, seen.high, len(counts) + 1)
    zero = min(max(-seen.low / (seen.high - seen.low), 0.0), 1.0)
    spike = min(int(zero * len(counts)), len(counts) - 1)
    counts = counts.copy()
    counts[spike] = counts[spike + 1 if spike + 1 < len(counts) else spike - 1]
    best, least = seen, np.inf
    for kept in range(len(counts), LEVELS - 1, -LEVELS // 16):
        first = round((len(counts) - kept) * zero)
        lost = _divergence(counts, first, first + kept)
        if lost < least:
            best = Range(low=float(edges[first]), high=float(edges[first + kept]))
            least = lost
    return best


def _divergence(counts: NDArray[np.int64], first: int, last: int) -> float:
    """Of the values with outliers at the ends, from `LEVELS` levels that outliers did not make."""
    kept = counts[first:last].astype(np.float64)
    whole = kept.copy()
    whole[0] += counts[:first].sum()
    whole[-1] += counts[last:].sum()
    there = whole > 0
    level = np.arange(len(kept)) * LEVELS // len(kept)
    sums = np.bincount(level, kept, LEVELS)
    bins = np.bincount(level, there, LEVELS)
    spread = np.where(there, sums[level] / np.maximum(bins[level], 1), 0)
    if spread.sum() == 0:
        return np.inf
    p, q = whole[there] / whole.sum(), spread[there] / spread.sum()
    # A bin that holds outliers alone has no level: as costly as the smallest number makes it.
    return float((p * np.log(p / np.maximum(q, np.finfo(np.float64).tiny))).sum())


class _Watched:
    """A graph whose stored values can be looked at."""

    def __init__(self, model: ModelProto) -> None:
        watched = onnx.ModelProto()
        watched.CopyFrom(model)
        self._names = stored_values(model)
        shaped = {
            value.name: value for value in onnx.shape_inference.infer_shapes(model).graph.value_info
        }
        ends = {value.name for value in model.graph.output}
        inner = [name for name in self._names if name not in ends]
        unknown = [name for name in inner if name not in shaped]
        if unknown:
            raise UsageError(
                f"int8 needs the type of every value, and nothing tells that of {unknown[0]} and "
                f"{len(unknown) - 1} more",
                hint="export the network with its shapes inferred, or take --precision fp16",
            )
        watched.graph.output.extend(shaped[name] for name in inner)
        self._session: Any = onnxruntime.InferenceSession(
            watched.SerializeToString(), providers=["CPUExecutionProvider"]
        )

    def values(self, inputs: Inputs) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Image by image: the input's values, then those of every node."""
        for x in inputs:
            yield INPUT, x
            yield from zip(self._names, self._session.run(self._names, {INPUT: x}), strict=True)


def stored_values(model: ModelProto) -> tuple[str, ...]:
    """Results that int8 stores: all but those that a rectifier alone reads."""
    readers: dict[str, list[str]] = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node.op_type)
    made = (name for node in model.graph.node for name in node.output if name)
    return tuple(name for name in made if readers.get(name) != ["Relu"])
