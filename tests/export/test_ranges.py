"""The ranges that int8 is scaled by: what was seen, and how it is cut."""

from collections.abc import Iterator

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray

from ccnet_edge.errors import DataError
from ccnet_edge.export.onnx_graph import INPUT
from ccnet_edge.export.options import METHODS, Method
from ccnet_edge.export.ranges import (
    BINS,
    LEVELS,
    PERCENTILE,
    activation_ranges,
    entropy_range,
    percentile_range,
    stored_values,
)
from ccnet_edge.native.quantise import Range
from tests.export.networks import exported_bytes, images, small_module, small_spec

WHOLE = Range(low=-1.0, high=3.0)


@pytest.fixture(scope="module")
def graph() -> onnx.ModelProto:
    return onnx.load_from_string(exported_bytes())


class Passes:
    """Images that count how often they are gone through."""

    def __init__(self, held: NDArray[np.float32]) -> None:
        self.held, self.passes = held, 0

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        self.passes += 1
        yield from self.held


def test_extremes_are_those_that_torch_sees_over_all_images(graph: onnx.ModelProto) -> None:
    seen = Passes(images(3))
    found = activation_ranges(graph, seen, "minmax")
    module = small_module(small_spec())
    made: list[torch.Tensor] = []
    module.blocks["encoder0"].register_forward_hook(lambda *given: made.append(given[2]))
    with torch.inference_mode():
        for x in images(3):
            module(torch.from_numpy(x))
    assert found[INPUT] == Range(low=float(images(3).min()), high=float(images(3).max()))
    assert found["Relu_1"].low == 0
    assert found["Relu_1"].high == pytest.approx(max(float(each.max()) for each in made), rel=1e-5)
    assert seen.passes == 1


@pytest.mark.parametrize("method", sorted(set(METHODS) - {"minmax"}))
def test_cut_ranges_lie_inside_the_extremes(graph: onnx.ModelProto, method: Method) -> None:
    seen = Passes(images(2))
    whole = activation_ranges(graph, seen, "minmax")
    cut = activation_ranges(graph, seen, method)
    assert cut.keys() == whole.keys() == {INPUT, *stored_values(graph)}
    assert all(whole[n].low <= cut[n].low < cut[n].high <= whole[n].high for n in whole)
    assert cut != whole
    assert seen.passes == 3, "extremes first, a histogram between them second"


def test_what_a_rectifier_alone_reads_is_not_stored(graph: onnx.ModelProto) -> None:
    made = {name for node in graph.graph.node for name in node.output}
    read = {n.input[0] for n in graph.graph.node if n.op_type == "Relu"}
    assert set(stored_values(graph)) == made - read


def test_no_images_and_values_that_are_not_finite_are_refused(graph: onnx.ModelProto) -> None:
    with pytest.raises(DataError, match="at least one image was wanted to calibrate int8"):
        activation_ranges(graph, [], "minmax")
    with pytest.raises(DataError, match="finite values were wanted"):
        activation_ranges(graph, np.full_like(images(1), np.inf), "minmax")


def test_a_percentile_keeps_as_many_values_as_it_says() -> None:
    counts = (1e4 * np.exp(-((np.arange(BINS) / 200 - 5) ** 2) / 2)).astype(np.int64)
    cut = percentile_range(WHOLE, counts)
    edges = np.linspace(WHOLE.low, WHOLE.high, BINS + 1)
    first, last = np.searchsorted(edges, (cut.low, cut.high))
    outside = counts[:first].sum() + counts[last:].sum()
    assert 0 < outside <= (100 - PERCENTILE) / 100 * counts.sum()


def test_a_percentile_does_not_cut_a_range_whose_ends_are_full() -> None:
    assert percentile_range(WHOLE, np.full(BINS, 7)) == WHOLE


def bell(*, outlier: bool) -> NDArray[np.int64]:
    """Half a normal distribution over the lower quarter of the bins, and one far value."""
    x = np.arange(BINS) / (BINS / 16)
    counts = (1e6 * np.exp(-(x**2) / 2)).astype(np.int64)
    counts[-1] = outlier
    return counts


def test_entropy_gives_an_outlier_up_for_finer_levels() -> None:
    cut = entropy_range(Range(low=0.0, high=16.0), bell(outlier=True))
    assert cut.low == 0
    assert 2 < cut.high < 8, "two deviations at least, which hold 95 % of the values"


def test_entropy_keeps_an_even_distribution_whole() -> None:
    assert entropy_range(WHOLE, np.full(BINS, 100)) == WHOLE


def test_entropy_does_not_see_how_much_a_rectifier_made_zero() -> None:
    counts = bell(outlier=True)
    much = counts.copy()
    much[0] *= 1000
    seen = Range(low=0.0, high=16.0)
    assert entropy_range(seen, much) == entropy_range(seen, counts)


def test_entropy_leaves_as_many_bins_as_levels() -> None:
    counts = np.zeros(BINS, np.int64)
    counts[:3] = 1000
    counts[-1] = 1
    assert entropy_range(Range(low=0.0, high=8.0), counts).high >= 8.0 * LEVELS / BINS
