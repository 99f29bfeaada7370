"""The estimate: its parts, that it never falls with a channel, and its bound on real files."""

import math
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.cost import estimate
from ccnet_edge.cost.estimate import onnx_bytes
from ccnet_edge.spec.artifact import Preprocessing
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.targets import load_profile
from tests.cost.conftest import networks

UNET = ARCHITECTURES["unet"]


def test_unet_4_8_16_32_64_is_what_its_published_figures_say() -> None:
    """θ* near 125 000, a file near 0.49 MB, and near 17 MiB of weights and live tensors at 512²."""
    found = estimate(UNET().with_widths((4, 8, 16, 32, 64)), height=512, width=512)
    assert found.log_theta == pytest.approx(math.log10(found.weights))
    assert found.disk_bytes == pytest.approx(0.49e6, rel=0.05)
    assert found.memory_bytes == pytest.approx(17 * 2**20, rel=0.05)
    assert found.memory_bytes > found.peak_activation_bytes
    assert found.latency_ms is None


def test_latency_is_multiply_adds_over_the_devices_rate() -> None:
    profile = load_profile("raspberry-pi-5")
    assert profile.gmacs_per_s is not None
    found = estimate(UNET(), height=64, width=64, profile=profile)
    assert found.latency_ms == pytest.approx(found.macs / (profile.gmacs_per_s * 1e6))


def test_an_engine_without_a_memory_model_gives_no_process_memory() -> None:
    assert estimate(UNET(), height=64, width=64, engine="abacus").ram_bytes is None


def test_process_memory_is_more_than_the_networks_own() -> None:
    found = estimate(UNET().with_widths((4, 8, 16, 32, 64)), height=512, width=512)
    assert found.ram_bytes is not None
    assert found.ram_bytes > found.memory_bytes


def test_fewer_bits_take_fewer_bytes_and_the_same_work() -> None:
    wide, narrow = (estimate(UNET(), height=64, width=64, bits=bits) for bits in (32, 8))
    assert narrow.peak_activation_bytes * 4 == wide.peak_activation_bytes
    assert narrow.disk_bytes < wide.disk_bytes / 3.9
    assert narrow.macs == wide.macs


@settings(max_examples=60, deadline=None)
@given(network=networks(), data=st.data())
def test_no_cost_falls_when_a_channel_is_added(network: NetworkSpec, data: st.DataObject) -> None:
    """What the exact solver assumes of every cost but an engine's memory (`solver.exact`).

    Networks with branches may gain a little memory by a channel more, where tensors are placed
    better; plans of theirs are checked against the limit like all others.
    """
    scale = data.draw(st.integers(0, network.scales - 1))
    widths = tuple(w + (i == scale) for i, w in enumerate(network.widths))
    profile = load_profile("x86-64")
    before = estimate(network, height=32, width=32, profile=profile)
    after = estimate(network.with_widths(widths), height=32, width=32, profile=profile)
    for field in fields(before):
        placed = field.name in ("memory_bytes", "peak_activation_bytes")
        if placed and network.architecture != "unet":
            continue
        if field.name not in ("height", "width", "bits") and not field.name.startswith("ram"):
            assert getattr(after, field.name) >= getattr(before, field.name), field.name
    # Of a channel more, half a share is no channel.
    if network.with_widths(widths).nodes != network.nodes:
        assert after.disk_bytes > before.disk_bytes


@pytest.mark.slow
@pytest.mark.parametrize("widths", [(1, 1, 1, 1, 1), (7, 9, 13, 20, 31), (20, 19, 25, 29, 33)])
@pytest.mark.parametrize("outputs", [1, 4])
def test_a_real_file_is_at_most_its_estimate_and_little_less(
    tmp_path: Path,
    export_network: Callable[[NetworkSpec, Preprocessing, Path], int],
    widths: tuple[int, ...],
    outputs: int,
) -> None:
    network = UNET(in_channels=3, outputs=outputs).with_widths(widths)
    preprocessing = Preprocessing(
        height=512,
        width=512,
        channels=3,
        maximum=65535.0,
        mean=(0.12345678901234567,) * 3,
        std=(0.12345678901234567,) * 3,
    )
    written = export_network(network, preprocessing, tmp_path / "network.onnx")
    expected = onnx_bytes(network, bits=32)
    assert written <= expected
    if written >= 100_000:
        assert expected <= 1.05 * written
