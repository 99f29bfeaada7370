"""From ranges to integers: zero is a level, nothing overflows, masks stay what they were."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import nn

from ccnet_edge.dataset import open_dataset
from ccnet_edge.dataset.samples import write_samples
from ccnet_edge.device.backends.native import NativeSession
from ccnet_edge.device.imaging.preprocess import prepare
from ccnet_edge.device.imaging.resize import resize_labels
from ccnet_edge.errors import ConfigError, DataError
from ccnet_edge.export.calibrate import best_range, calibrate
from ccnet_edge.export.native import fold
from ccnet_edge.native import Choices, Range, Seen, quantise
from ccnet_edge.native.int8 import in_int8, zero_at_0
from ccnet_edge.native.layout import lay_out
from ccnet_edge.native.lower import lower, skips_of
from ccnet_edge.native.pack import Convolution, blob_bytes
from ccnet_edge.native.planner import plan_engine
from ccnet_edge.native.quantise import IntegerConvolution, store, store_input
from ccnet_edge.native.rounding import nearest, together
from ccnet_edge.nets import SpecModule, build_module
from ccnet_edge.spec.artifact import Preprocessing
from ccnet_edge.spec.network import NetworkSpec, Node
from tests.export.networks import small_module, small_spec
from tests.native.builds import case_of, library
from tests.native.integer_builds import make_int8, program_of
from tests.native.integers import integer_logits, normalised
from tests.native.networks import Case, cases, seeded_case, thin_unet
from tests.native.test_int8 import check

finite = st.floats(-1e6, 1e6, width=32)
channels = st.lists(st.tuples(finite, finite), min_size=1, max_size=5)


@given(channels)
def test_zero_is_a_level_and_every_value_of_the_ranges_is_near_one(
    ends: list[tuple[float, float]],
) -> None:
    ranges = [Range(low=min(pair), high=max(pair)) for pair in ends]
    stored = store(ranges)
    (zero,) = set(stored.zeros.tolist())
    assert 0 <= zero <= 255
    for each, scale in zip(ranges, stored.scales, strict=True):
        values = np.linspace(min(each.low, 0), max(each.high, 0), 999)
        levels = np.clip(np.rint(values / scale) + zero, 0, 255)
        back = scale * (levels - zero)
        assert back[np.argmin(np.abs(values))] == 0
        assert np.abs(back - values).max() <= 0.5001 * scale


def test_scales_are_those_of_the_best_zero_point_by_brute_force() -> None:
    ranges = [Range(low=-1, high=3), Range(low=-0.5, high=0.25), Range(low=0, high=2)]
    tried = [
        [max(-each.low / zero, each.high / (255 - zero)) for each in ranges]
        for zero in range(1, 255)
    ]
    wanted = min(tried, key=lambda scales: sum(scale**2 for scale in scales))
    assert np.allclose(store(ranges).scales, wanted, rtol=1e-12)


def test_8_bit_samples_are_stored_as_the_numbers_that_they_are() -> None:
    """The rounding of the normalised image is then its own, and lossless at its own size."""
    case = case_of(small_spec(), 4, 256)
    program = program_of(case)
    made = make_int8(case)
    seen = dict.fromkeys(range(3), Range(low=-0.1, high=0.1))
    ranges = {
        op.node or op.name: tuple(seen.get(i, Range(low=0, high=1)) for i in range(op.channels))
        for op in program.ops
        if op.kind in ("quantise", "conv8", "upconv8")
    }
    found = quantise(program, fold(made.module), Seen(ranges=ranges), made.preprocessing)
    pixels = np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, axis=2)
    x = normalised(pixels, made.preprocessing)
    levels = np.rint(x[0, :, 0] * found.inverses[:, None]) + found.zeros[1][:, None]
    assert np.array_equal(levels, np.arange(256)[None].repeat(3, axis=0))


def test_what_no_image_is_keeps_the_range_that_was_seen() -> None:
    samples = Preprocessing(height=1, width=1, channels=1, maximum=255.0, mean=(0.5,), std=(0.25,))
    assert store_input([Range(low=-2, high=2)], samples).scales[0] == pytest.approx(4 / 255)
    assert store_input([Range(low=-9, high=2)], samples).scales[0] > 11 / 256
    wide = dataclasses.replace(samples, maximum=65535.0)
    assert store_input([Range(low=-1, high=0)], wide).scales[0] == pytest.approx(1 / 255)


def test_a_range_of_outliers_is_narrowed_and_an_even_one_is_not() -> None:
    even = np.full(2048, 10_000)
    assert best_range(Range(low=0, high=4), even) == Range(low=0, high=4)
    rare = even.copy()
    rare[1100:] = 0
    rare[-1] = 1
    found = best_range(Range(low=0, high=4), rare)
    assert found.low == 0
    assert 2.0 < found.high < 2.5


def hooked_ranges(module: SpecModule, inputs: NDArray[np.float32]) -> dict[str, tuple[Range, ...]]:
    """Extremes of every node's value, computed node by node."""
    values: dict[str, torch.Tensor] = {}
    with torch.inference_mode():
        for node in module.spec.nodes:
            given = [values[name] for name in node.inputs] or [torch.from_numpy(inputs)]
            values[node.name] = module.blocks[node.name](*given)
    return {
        name: tuple(
            Range(low=float(value[:, c].min()), high=float(value[:, c].max()))
            for c in range(value.shape[1])
        )
        for name, value in values.items()
    }


def test_calibration_sees_the_values_of_all_images_and_stays_inside_their_extremes() -> None:
    module = small_module(small_spec())
    inputs = np.random.default_rng(0).standard_normal((5, 3, 16, 16)).astype(np.float32)
    found = calibrate(module, list(inputs[:, None])).ranges
    wanted = hooked_ranges(module, inputs)
    assert set(found) == {"input", "encoder0", "bottleneck", "up", "decoder0", "head"}
    for name in found:
        for each, whole in zip(found[name], wanted[name], strict=True):
            for end, most in ((each.low, whole.low), (each.high, whole.high)):
                assert 0.29 * abs(most) - 1e-5 <= abs(end) <= abs(most) + 1e-5
                assert end * most >= 0
    assert all(each.low >= 0 for each in found["encoder0"] + found["bottleneck"])


def test_calibration_refuses_no_images_and_values_that_are_not_finite() -> None:
    module = small_module(small_spec())
    with pytest.raises(DataError, match="at least one image"):
        calibrate(module, [])
    with pytest.raises(DataError, match="finite"):
        calibrate(module, [np.full((1, 3, 8, 8), np.nan, np.float32)])


def test_moments_are_those_of_what_a_convolution_reads() -> None:
    """By hand at every place of a small image, where none is left out."""
    module = small_module(small_spec())
    x = np.random.default_rng(3).standard_normal((1, 3, 6, 8)).astype(np.float32)
    seen = calibrate(module, [x])
    padded = np.pad(x[0].astype(np.float64), ((0, 0), (1, 1), (1, 1)))
    read = np.stack([padded[:, y : y + 3, z : z + 3].ravel() for y in range(6) for z in range(8)])
    found = seen.moments["encoder0"]
    assert found.covariance is not None
    assert np.allclose(found.mean, read.mean(axis=0))
    assert np.allclose(found.covariance, np.cov(read.T, bias=True))
    # Of a transposed convolution, the channels alone.
    assert [len(seen.moments[name].mean) for name in ("up", "head")] == [5, 4]


@given(st.integers(0, 1000))
def test_rounding_together_errs_less_on_what_was_seen_and_no_weight_leaves_its_range(
    seed: int,
) -> None:
    chance = np.random.default_rng(seed)
    smooth = chance.standard_normal((500, 2)) @ chance.standard_normal((2, 12))
    read = smooth + 0.1 * chance.standard_normal((500, 12))
    covariance = np.cov(read.T, bias=True)
    weights = chance.uniform(-64, 64, (5, 12))
    found = together(weights, covariance, 64)
    assert np.array_equal(found, np.rint(found))
    assert np.abs(found).max() <= 64
    wrong = [each - weights for each in (found, nearest(weights, 64))]
    costs = [np.einsum("oi,ij,oj->", each, covariance, each) for each in wrong]
    assert costs[0] < costs[1]


def test_where_nothing_depends_on_anything_weights_are_rounded_each_by_itself() -> None:
    weights = np.random.default_rng(0).uniform(-64, 64, (5, 12))
    apart = np.diag(np.arange(1.0, 13.0))
    assert np.array_equal(together(weights, apart, 64), np.rint(weights))
    assert np.array_equal(together(weights, np.zeros((12, 12)), 64), np.rint(weights))


def test_the_mean_of_results_is_that_of_exact_weights() -> None:
    module, program = small_module(small_spec()), program_of(case_of(small_spec(), 32, 48))
    x = np.random.default_rng(3).standard_normal((1, 3, 32, 48)).astype(np.float32) + 1
    seen, weights = calibrate(module, [x]), fold(module)
    with_moments = quantise(program, weights, seen)
    without = quantise(program, weights, Seen(ranges=seen.ranges))
    errors = []
    for each in (with_moments, without):
        with torch.inference_mode():
            wanted = module(torch.from_numpy(x)).numpy()
        errors.append(abs(float((integer_logits(program, each, x) - wanted).mean())))
    assert errors[0] < errors[1]


def test_a_missing_range_is_named() -> None:
    program = program_of(case_of(small_spec(), 8, 8))
    ranges = {"input": (Range(low=-1, high=1),) * 3, "encoder0": (Range(low=0, high=1),) * 4}
    weights = fold(small_module(small_spec()))
    with pytest.raises(DataError, match="a range of bottleneck was wanted"):
        quantise(program, weights, Seen(ranges=ranges))


def test_weights_of_the_same_numbers_and_another_step_become_the_same_integers() -> None:
    program = program_of(case_of(small_spec(), 8, 8))
    weights = dict(fold(small_module(small_spec())))
    counts = {"input": 3, "encoder0": 4, "bottleneck": 5, "up": 4, "decoder0": 4}
    ranges = {name: (Range(low=0, high=5),) * count for name, count in counts.items()}
    once = quantise(program, weights, Seen(ranges=ranges)).convolutions["encoder0"]
    old = weights["encoder0"]
    weights["encoder0"] = Convolution(weight=4 * old.weight, bias=4 * old.bias)
    ranges["encoder0"] = (Range(low=0, high=20),) * 4
    again = quantise(program, weights, Seen(ranges=ranges)).convolutions["encoder0"]
    assert np.array_equal(once.weight, again.weight)
    assert np.array_equal(once.bias, again.bias)
    assert np.array_equal(once.multiplier, again.multiplier)
    assert (np.abs(once.weight.astype(int)).max(axis=(1, 2, 3)) == 64).all()


@pytest.mark.parametrize("factor", [0.0, 1e-30, 1e-8, 1e8, 1e30])
@pytest.mark.parametrize("seen", [0.0, 1e-20, 1e20])
def test_dead_and_enormous_weights_and_ranges_give_the_integers_on_every_machine(
    factor: float, seen: float
) -> None:
    """What no one trains still has one result; sums that overflow would have several."""
    case = case_of(small_spec(), 4, 20)
    program = program_of(case)
    weights = {
        name: Convolution(weight=each.weight * factor, bias=each.bias)
        for name, each in fold(small_module(case.network)).items()
    }
    ranges = {
        op.node: (Range(low=-seen, high=seen),) * op.channels for op in program.ops if op.node
    }
    ranges["input"] = (Range(low=-3, high=3),) * 3
    found = quantise(program, weights, Seen(ranges=ranges))
    for each in found.convolutions.values():
        most = 255 * np.abs(each.weight.astype(np.int64)).sum(axis=(1, 2, 3)) + np.abs(each.bias)
        assert most.max() < 2**31
        assert np.isfinite(each.multiplier).all()
    if (factor, seen) not in ((1e8, 1e-20), (1e-30, 1e20)):
        return
    made = make_int8(case, change=lambda _, __: found)
    check(made)


def test_too_many_weights_for_32_bits_are_refused() -> None:
    with pytest.raises(DataError, match="for an output"):
        IntegerConvolution(
            weight=np.zeros((1, 40_000, 1, 1), np.int8),
            bias=np.zeros(1, np.int32),
            multiplier=np.ones(1, np.float32),
        )


def test_int8_refuses_what_has_no_integer_form() -> None:
    network = small_spec()
    pairs = Choices(winograd=frozenset({"encoder0"}))
    halves = Choices(skips=tuple((name, "fp16") for name in skips_of(network)))
    for choices in (pairs, halves):
        with pytest.raises(ConfigError, match="int8 has no"):
            in_int8(lower(network, height=8, width=8, choices=choices))
    nodes = (*network.nodes[:-1], dataclasses.replace(network.nodes[-1], op="conv_bn_relu"))
    rectified = dataclasses.replace(network, nodes=nodes)
    with pytest.raises(ConfigError, match="without ReLU"):
        in_int8(lower(rectified, height=8, width=8))


def test_a_pooled_concatenation_becomes_one_pooling_of_every_part() -> None:
    nodes = (
        Node(name="input", op="input", width=3),
        Node(name="a", op="conv_bn_relu", inputs=("input",), width=5, kernel=3),
        Node(name="both", op="concat", inputs=("a", "input")),
        Node(name="pool", op="maxpool", inputs=("both",), kernel=2, stride=2, scale=1),
        Node(name="up", op="upconv", inputs=("pool",), width=2, kernel=2, stride=2),
        Node(name="head", op="conv", inputs=("up",), width=1, kernel=1),
    )
    network = NetworkSpec(architecture="pooled", nodes=nodes, widths=(1, 1))
    program = program_of(case_of(network, 4, 4))
    assert [(op.name, op.channels) for op in program.ops if op.kind == "maxpool8"] == [
        ("pool.0", 5),
        ("pool.1", 3),
    ]
    # Only what was rectified begins at 0.
    assert [op.name for op, zero in zip(program.ops, zero_at_0(program), strict=True) if zero] == [
        "a",
        "pool.0",
    ]


@settings(max_examples=40, deadline=None)  # for a busy machine is no failure
@given(cases())
def test_what_is_in_the_arena_lies_apart_and_is_as_large_as_it_has_to_be(case: Case) -> None:
    program = program_of(case)
    layout = lay_out(program, stride=case.network.output_stride)
    lead = layout.lead_bytes
    reach = max(op.kernel // 2 for op in program.ops if op.kind in ("conv8", "logits8"))
    assert 4 * reach <= lead < 4 * reach + 64
    spans: set[tuple[int, int]] = set()
    for index, op in enumerate(program.ops[1:], 1):
        quads = op.channels if op.kind == "logits8" else -(-op.channels // 4)
        assert op.row_bytes == 4 * quads * op.pitch
        assert op.pitch >= op.width + reach
        ring = layout.ring_offsets[index]
        spans.add((ring - lead, ring + op.row_bytes * layout.ring_rows[index]))
        pad = layout.pad_offsets[index]
        if pad:
            spans |= {(pad - lead, pad + (0 if zero_at_0(program)[index] else op.row_bytes))}
    ordered = sorted(spans)
    assert all(end <= begin for (_, end), (begin, _) in pairwise(ordered))
    assert ordered[0][0] >= 256
    assert ordered[-1][1] <= layout.scratch_offset
    # Nothing is lost but what rounds to cache lines, the shared row of zeros and the slack.
    zeros = max((op.row_bytes for op in program.ops), default=0) + lead
    used = sum(end - begin for begin, end in ordered)
    assert (
        layout.scratch_offset - used
        <= 256 + 64 * (len(spans) + 3) + 4 * len(program.ops) + zeros + 256
    )


def test_int8_takes_about_a_quarter_of_the_memory_and_of_the_weights() -> None:
    network = thin_unet((16, 32, 64, 128, 256))
    plain = plan_engine(network, height=256, width=256)
    whole = plan_engine(network, height=256, width=256, integer=True)
    assert whole.layout.arena_bytes < 0.27 * plain.layout.arena_bytes
    direct = lower(network, height=256, width=256)
    assert blob_bytes(whole.program) < 0.27 * blob_bytes(direct)
    assert not whole.choices.winograd


def test_int8_computes_skips_again_where_memory_is_short() -> None:
    network = thin_unet((4, 8, 16, 32, 64))
    fast = plan_engine(network, height=256, width=256, integer=True)
    small = plan_engine(
        network, height=256, width=256, integer=True, limit_bytes=fast.memory_bytes - 1
    )
    assert small.memory_bytes < fast.memory_bytes
    assert "recompute" in dict(small.choices.skips).values()


# A network of a few seconds of training.
SIZE, STEPS = 48, 50


def trained(spec: NetworkSpec, x: NDArray[np.float32], y: NDArray[np.float32]) -> SpecModule:
    """The network after some steps on all images at once."""
    module = build_module(spec, seed=0)
    optimiser = torch.optim.Adam(module.parameters(), 0.02)
    with torch.random.fork_rng(devices=[]):
        for _ in range(STEPS):
            optimiser.zero_grad()
            logits = module(torch.from_numpy(x))
            loss = nn.functional.binary_cross_entropy_with_logits(logits, torch.from_numpy(y))
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    return module.eval()


@pytest.mark.slow
def test_a_trained_networks_masks_stay_in_int8(tmp_path: Path) -> None:
    dataset = open_dataset(write_samples(tmp_path / "cells", count=12, size=SIZE))
    pre = Preprocessing(
        height=SIZE, width=SIZE, channels=3, maximum=255.0, mean=(0.5,) * 3, std=(0.25,) * 3
    )
    images = [prepare(dataset.load_image(each), pre) for each in dataset.samples]
    labels = [
        resize_labels(dataset.load_labels(s), height=SIZE, width=SIZE) for s in dataset.samples
    ]
    spec, half = small_spec(), len(images) // 2
    x = np.concatenate(images[:half])
    module = trained(spec, x, np.stack(labels[:half])[:, None].astype(np.float32))
    case = case_of(spec, SIZE, SIZE)
    seen = calibrate(module, images[:half])
    made = make_int8(case, change=lambda program, _: quantise(program, fold(module), seen))
    session = NativeSession(library(made), made.weights)
    shared = total = 0
    for image, truth in zip(images[half:], labels[half:], strict=True):
        with torch.inference_mode():
            wanted = module(torch.from_numpy(image)).numpy() > 0
        found = session.run(image) > 0
        shared += 2 * int(np.count_nonzero(wanted & found))
        total += int(np.count_nonzero(wanted)) + int(np.count_nonzero(found))
        # It has learnt something, or masks would stay whatever int8 does.
        assert (wanted[0, 0] == (truth > 0)).mean() > 0.8
    assert total > 1000
    assert shared / total >= 0.99


def test_random_networks_logits_are_near_those_of_fp32() -> None:
    """Also where skips are computed twice, and parts of a concatenation have their own scales."""
    case = seeded_case(12, cells=2)
    module = small_module(case.network)
    shape = (1, case.network.in_channels, case.height, case.width)
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    seen = calibrate(module, [x])
    made = make_int8(case, change=lambda program, _: quantise(program, fold(module), seen))
    with torch.inference_mode():
        wanted = module(torch.from_numpy(x)).numpy()
    assert np.abs(made.logits(x) - wanted).mean() < 0.1 * wanted.std()
