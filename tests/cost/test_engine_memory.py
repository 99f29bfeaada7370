"""The memory model of engines: never under what was measured, rising, and not far above."""

import itertools
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.cost import plan_memory
from ccnet_edge.cost.engine_memory import (
    MODELS,
    STANDING,
    EngineMemory,
    MemoryPoint,
    engine_load,
    load_model,
    process_bytes,
)
from ccnet_edge.errors import UsageError
from ccnet_edge.spec.network import NetworkSpec

widths = st.lists(st.integers(1, 70), min_size=5, max_size=5).map(tuple)
sizes = st.integers(1, 20).map(lambda n: 16 * n)


def network(point: MemoryPoint) -> NetworkSpec:
    unet = ARCHITECTURES["unet"](point.in_channels, point.outputs)
    return unet.with_widths(point.widths)


def ratio(model: EngineMemory, point: MemoryPoint) -> float:
    predicted = process_bytes(
        model.engine, spec=network(point), height=point.height, width=point.width
    )
    return predicted / point.peak_bytes


@pytest.mark.parametrize("engine", sorted(MODELS))
def test_no_measured_process_needs_more_than_the_model_says(engine: str) -> None:
    model = load_model(engine)
    under = [(p.widths, p.height, p.variant) for p in model.points if ratio(model, p) < 1]
    assert len(model.points) >= 100
    assert under == []


@pytest.mark.parametrize("engine", sorted(MODELS))
def test_half_of_the_measured_processes_need_nearly_what_the_model_says(engine: str) -> None:
    model = load_model(engine)
    assert statistics.median(ratio(model, p) for p in model.points) <= 1.25


@pytest.mark.parametrize("engine", sorted(MODELS))
def test_the_points_say_what_they_were_measured_with(engine: str) -> None:
    model = load_model(engine)
    assert model.engine == engine
    assert model.options == STANDING
    assert dict(model.environment.versions)["onnxruntime"]
    assert any(not point.fitted for point in model.points), "some points are held out"
    for point in model.points:
        load = engine_load(network(point), height=point.height, width=point.width)
        assert point.load == load


@given(widths, sizes, sizes)
@settings(max_examples=30, deadline=None)
def test_a_load_is_what_the_memory_planner_and_the_file_hold(
    counts: tuple[int, ...], height: int, width: int
) -> None:
    spec = ARCHITECTURES["unet"](3, 2).with_widths(counts)
    load = engine_load(spec, height=height, width=width)
    assert load.live_bytes == plan_memory(spec, height=height, width=width, bits=32).peak_bytes
    assert load.ends_bytes == 4 * (3 + 2) * height * width
    assert load.weights_bytes == 4 * unet_values(counts, ends=(3, 2))


@given(widths, st.integers(0, 4), sizes)
@settings(max_examples=50, deadline=None)
def test_a_channel_more_never_needs_less(counts: tuple[int, ...], scale: int, size: int) -> None:
    unet = ARCHITECTURES["unet"](3, 1)
    wider = tuple(c + (s == scale) for s, c in enumerate(counts))
    less, more = (
        process_bytes("onnxruntime", spec=unet.with_widths(w), height=size, width=size)
        for w in (counts, wider)
    )
    assert less <= more


def test_an_engine_without_a_model_is_named() -> None:
    with pytest.raises(UsageError, match="'tensorrt'; known: onnxruntime"):
        process_bytes("tensorrt", spec=ARCHITECTURES["unet"](3, 1), height=64, width=64)


def test_a_size_that_the_network_cannot_take_says_which_it_can() -> None:
    with pytest.raises(UsageError) as error:
        process_bytes("onnxruntime", spec=ARCHITECTURES["unet"](3, 1), height=100, width=64)
    assert error.value.hint == "use 112x64"


def unet_values(c: tuple[int, ...], *, ends: tuple[int, int]) -> int:
    """Weights of a U-Net with one bias a channel, written out by hand."""

    def conv(a: int, b: int) -> int:
        return 9 * a * b + b

    total = conv(ends[0], c[0]) + conv(c[0], c[0])
    for fine, coarse in itertools.pairwise(c):
        total += conv(fine, coarse) + conv(coarse, coarse)
        total += 4 * coarse * fine + fine
        total += conv(2 * fine, fine) + conv(fine, fine)
    return total + c[0] * ends[1] + ends[1]
