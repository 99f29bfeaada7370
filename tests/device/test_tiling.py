"""Laws of tiling: every pixel once, halos kept, and the whole image's result without seams."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.device.imaging.tiling import (
    default_halo,
    predict_tiled,
    receptive_radius,
    spans,
    tiles,
)
from ccnet_edge.errors import UsageError
from ccnet_edge.nets import build_module
from ccnet_edge.spec.network import NetworkSpec


def small_unet() -> NetworkSpec:
    base = ARCHITECTURES["unet"](in_channels=1, outputs=1)
    return base.with_widths((2,) * base.scales)


sizes = st.tuples(
    st.integers(1, 40), st.integers(3, 12), st.integers(0, 20), st.sampled_from((1, 2, 4, 16))
)


@given(sizes)
def test_spans_cover_every_pixel_once_and_keep_their_halo(size: tuple[int, int, int, int]) -> None:
    extra, tile_strides, halo, stride = size
    tile = tile_strides * stride
    length = tile + (extra - 1) * stride
    halo = min(halo, (tile - stride) // 2)
    covered = np.zeros(length, int)
    for span in spans(length, tile=tile, halo=halo, stride=stride):
        covered[span.first : span.last] += 1
        assert span.stop - span.start == tile
        assert span.start % stride == 0
        assert span.start <= span.first < span.last <= span.stop
        assert span.first - span.start >= halo or span.start == 0
        assert span.stop - span.last >= halo or span.stop == length
    assert (covered == 1).all()


def test_tiles_are_every_pair_of_spans_in_reading_order() -> None:
    found = tiles(height=32, width=48, tile=(16, 32), halo=4, stride=8)
    assert [(t.rows.start, t.columns.start) for t in found] == [
        (0, 0), (0, 16), (8, 0), (8, 16), (16, 0), (16, 16),
    ]  # fmt: skip


def test_a_halo_that_leaves_nothing_is_refused_with_what_is_possible() -> None:
    with pytest.raises(UsageError, match="halo of 8 pixels leaves nothing of a tile of 16") as e:
        spans(64, tile=16, halo=8, stride=4)
    assert e.value.hint == "a halo of 0 to 6 pixels is possible"
    assert spans(64, tile=16, halo=6, stride=4)


def test_sizes_that_are_no_multiple_of_the_stride_are_refused() -> None:
    with pytest.raises(UsageError, match="multiples of 16"):
        spans(100, tile=32, halo=0, stride=16)


def blur(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """The sum over 5 × 5 pixels with zeros outside: a network with a radius of 2."""
    padded = np.pad(x, ((0, 0), (0, 0), (2, 2), (2, 2)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5), axis=(2, 3))
    return np.asarray(windows.sum(axis=(-1, -2)), np.float32)


@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 50))
def test_tiles_merge_to_the_whole_images_result(height: int, width: int, seed: int) -> None:
    x = np.random.default_rng(seed).integers(0, 9, (1, 2, height, width)).astype(np.float32)
    merged = predict_tiled(blur, x, tile=(16, 24), halo=2, stride=1)
    # Where the image is smaller than a tile it is continued, and only the far edge differs.
    rows = slice(0, height if height >= 16 else height - 2)
    columns = slice(0, width if width >= 24 else width - 2)
    whole = blur(x)
    assert merged.shape == whole.shape
    assert np.array_equal(merged[:, :, rows, columns], whole[:, :, rows, columns])


def test_an_image_smaller_than_a_tile_is_mirrored_at_its_far_edges() -> None:
    x = np.arange(6, dtype=np.float32).reshape(1, 1, 2, 3)
    seen: list[NDArray[np.float32]] = []

    def run(part: NDArray[np.float32]) -> NDArray[np.float32]:
        seen.append(part)
        return part

    assert np.array_equal(predict_tiled(run, x, tile=(4, 4), halo=1, stride=2), x)
    expected = [[0, 1, 2, 2], [3, 4, 5, 5], [3, 4, 5, 5], [0, 1, 2, 2]]
    assert np.array_equal(seen[0][0, 0], expected)


def test_a_unet_in_tiles_gives_what_it_gives_whole() -> None:
    network = small_unet()
    torch.manual_seed(0)
    module = build_module(network).eval()

    def run(x: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.no_grad():
            return np.asarray(module(torch.from_numpy(np.ascontiguousarray(x))))

    x = np.random.default_rng(0).standard_normal((1, 1, 384, 256), dtype=np.float32)
    halo = -(-receptive_radius(network) // 16) * 16
    merged = predict_tiled(run, x, tile=(256, 256), halo=halo, stride=network.output_stride)
    whole = run(x)
    assert np.abs(merged - whole).max() <= 1e-5 * np.abs(whole).max()


def test_no_pixel_further_than_the_radius_changes_an_output() -> None:
    network = small_unet()
    module = build_module(network).eval()
    for parameter in module.parameters():
        parameter.data.abs_()  # no rectifier closes, so that every path is open
    size, radius = 240, receptive_radius(network)
    rng = torch.Generator().manual_seed(1)
    farthest = 0
    # Positions that differ modulo the output stride see the pooling grid differently.
    for position in (112, 119, 127):
        x = torch.rand(1, 1, size, size, generator=rng, requires_grad=True)
        module(x)[0, 0, position, position].backward()
        assert x.grad is not None
        reach = int((torch.nonzero(x.grad[0, 0]) - position).abs().max())
        assert reach <= radius
        farthest = max(farthest, reach)
    # The bound is not idle: two convolutions on each of five scales and back reach about 92.
    assert farthest >= 85


def test_the_default_halo_is_the_receptive_field_or_a_quarter_of_the_tile() -> None:
    network = small_unet()
    assert default_halo(network, tile=(1024, 1024)) == 112  # 107 in whole strides
    assert default_halo(network, tile=(256, 512)) == 64
