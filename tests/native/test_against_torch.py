"""The C library against torch in double precision: random networks, all instruction sets."""

import dataclasses

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.device.backends.native import NativeSession
from ccnet_edge.device.imaging.labels import labels
from ccnet_edge.errors import ConfigError
from ccnet_edge.native import Choices
from ccnet_edge.native.lower import lower, skips_of
from ccnet_edge.spec.network import NetworkSpec, Node
from tests.export.networks import NOT_NATIVE, small_spec
from tests.native.builds import (
    PORTABLE,
    Made,
    case_of,
    library,
    machines_of,
    make,
    noise,
    relative_error,
)
from tests.native.networks import Case, seeded_case, thin_unet

# fp32 on the way, double in torch; a fault is far larger.
# Compiles networks.
pytestmark = pytest.mark.native

TOLERANCE = 1e-5
# A value beside the middle of two halves may be rounded to the other one: 2⁻¹¹ of it.
HALF_TOLERANCE = 2e-3
# Numbers of random networks that have every operator in every shape, by the first test.
SEEDS = (3, 12, 44, 748, 785, 1681)


def reference(made: Made, x: NDArray[np.float32]) -> NDArray[np.float64]:
    """torch's logits in double precision, skips rounded as the choices say."""
    keep = dict(made.case.choices.skips)
    exact: dict[str, Tensor] = {}  # nothing was rounded on the way
    kept: dict[str, Tensor] = {}

    def joined(name: str) -> Tensor:
        how = keep.get(name, "fp32")
        if how == "recompute":
            return exact[name]
        return kept[name].half().double() if how == "fp16" else kept[name]

    module = made.module.double()
    with torch.inference_mode():
        for node in made.case.network.nodes:
            block = module.blocks[node.name]
            given = [exact[name] for name in node.inputs] or [torch.from_numpy(x).double()]
            exact[node.name] = block(*given)
            take = joined if node.op == "concat" else kept.__getitem__
            given = [take(name) for name in node.inputs] or [torch.from_numpy(x).double()]
            kept[node.name] = block(*given)
    return np.asarray(kept[made.case.network.nodes[-1].name].numpy())


def check(
    case: Case, *options: str, compiler: str = "clang", level: str = "-O0", seed: int = 0
) -> None:
    made = make(case, seed=seed)
    path = library(made, *options, compiler=compiler, level=level)
    session = NativeSession(path, made.weights)
    x = noise(made)
    wanted = reference(made, x)
    halves = "fp16" in dict(case.choices.skips).values()
    machines = machines_of(session)
    assert machines
    for machine in machines:
        session.use(machine)
        assert relative_error(session.run(x), wanted) <= (HALF_TOLERANCE if halves else TOLERANCE)
    session.close()


def shapes(case: Case) -> set[tuple[object, ...]]:
    """What the operators of a case are: kinds with kernels, strides, several sources."""
    program = lower(case.network, height=case.height, width=case.width, choices=case.choices)
    found: set[tuple[object, ...]] = set()
    for op in program.ops:
        found.add((op.kind, max(op.stride, op.up)) if op.stride * op.up > 1 else (op.kind,))
        if op.kind == "conv":
            found.add((op.kind, "kernel", op.kernel))
        if len(op.sources) > 1:
            found.add((op.kind, "several sources"))
        if len(set(op.sources)) < len(op.sources):
            found.add(("a source twice",))
    return found


def test_the_random_networks_have_every_operator_in_every_shape() -> None:
    cases = [seeded_case(seed, cells=2) for seed in SEEDS]
    found = set().union(*map(shapes, cases))
    wanted: set[tuple[object, ...]] = {("winograd",), ("half",), ("float",), ("a source twice",)}
    wanted |= {("conv", "kernel", kernel) for kernel in (1, 3, 5, 7)}
    wanted |= {(kind, factor) for kind in ("conv", "upconv") for factor in (2, 3, 4)}
    wanted |= {("maxpool", factor) for factor in (2, 3)}
    readers = ("conv", "winograd", "upconv", "maxpool", "half")
    wanted |= {(kind, "several sources") for kind in readers}
    assert wanted <= found
    assert {case.network.in_channels for case in cases} == {1, 2, 3, 4}
    assert {case.network.outputs for case in cases} == {1, 2, 3}
    assert {keep for case in cases for _, keep in case.choices.skips} >= {"fp16", "recompute"}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_networks_logits_are_torchs_on_every_instruction_set(seed: int) -> None:
    compiler = ("clang", "gcc")[SEEDS.index(seed) % 2]
    check(seeded_case(seed, cells=2), compiler=compiler, seed=seed)


@pytest.mark.parametrize("seed", SEEDS[-2:])
def test_a_machine_that_is_not_known_gives_torchs_logits_too(seed: int) -> None:
    check(seeded_case(seed, cells=2), PORTABLE, compiler="gcc", seed=seed)


# Sizes down to the smallest, and widths that no vector divides, at both scales.
SIZES = ((2, 2), (16, 16), (6, 20), (4, 36), (2, 52), (2, 94))


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_widths_that_vectors_do_not_divide_give_torchs_logits(height: int, width: int) -> None:
    index = SIZES.index((height, width))
    network = small_spec(in_channels=1 + index % 4, outputs=(1, 3)[index % 2])
    pairs = {node.name for node in network.nodes if node.kernel == 3 and index % 3}
    check(case_of(network, height, width, Choices(winograd=frozenset(pairs))))


@pytest.mark.parametrize(("reach", "width"), [(2, 15), (3, 14)])
def test_a_wide_kernel_reads_zeros_before_a_ring_that_stands_behind_a_full_row(
    reach: int, width: int
) -> None:
    nodes = (
        Node(name="input", op="input", width=1),
        Node(name="wide", op="conv", inputs=("input",), width=2, kernel=1),
        Node(name="first", op="conv", inputs=("wide",), width=2, kernel=3),
        Node(name="second", op="conv", inputs=("first",), width=1, kernel=2 * reach + 1),
    )
    check(case_of(NetworkSpec(architecture="line", nodes=nodes, widths=(1,)), 3, width))


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_every_architecture_gives_torchs_masks(architecture: str) -> None:
    network = ARCHITECTURES[architecture](3, 1)
    if network.architecture in NOT_NATIVE:
        with pytest.raises(ConfigError, match="the native engine has no") as error:
            lower(network, height=32, width=48)
        assert error.value.hint == "export the network as onnx, ort or openvino"
        return
    height, width = network.input_size(32, 48)
    case = case_of(network.with_widths((3, 4, 5, 6, 7, 9)[: network.scales]), height, width)
    made = make(case)
    session = NativeSession(library(made), made.weights)
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    pre = made.preprocessing
    x = ((pixels / 255 - pre.mean) / pre.std).transpose(2, 0, 1)[None].astype(np.float32)
    wanted = made.torch_logits(x)
    clear = np.abs(wanted[0, 0]) > TOLERANCE * np.abs(wanted).max()
    assert clear.mean() > 0.99
    for machine in machines_of(session):
        session.use(machine)
        found = session.segment_pixels(pixels)
        assert np.array_equal(found[clear], labels(wanted[0].astype(np.float32))[clear])


@pytest.mark.parametrize("keep", ["fp32", "fp16", "recompute"])
def test_every_way_to_keep_the_unets_skips_gives_torchs_logits(keep: str) -> None:
    network = thin_unet((2, 3, 4, 5, 6), in_channels=1, outputs=3)
    names = skips_of(network)
    pairs = frozenset(node.name for node in network.nodes if node.scale < 2)
    choices = Choices(skips=tuple((name, keep) for name in names), winograd=pairs)  # type: ignore[misc]
    check(dataclasses.replace(case_of(network, 48, 32), choices=choices))


@pytest.mark.slow
@pytest.mark.parametrize("compiler", ["clang", "gcc"])
@pytest.mark.parametrize("seed", range(100, 200))
def test_many_random_networks_logits_are_torchs(seed: int, compiler: str) -> None:
    check(seeded_case(seed, cells=3, most_width=14), compiler=compiler, level="-O3", seed=seed)
