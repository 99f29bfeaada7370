"""int8 in C against numpy's integers, to the bit: networks, sizes, instruction sets, compilers."""

from __future__ import annotations

import dataclasses
import subprocess
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from ccnet_edge.device.backends.native import NativeSession
from ccnet_edge.errors import DeviceError
from ccnet_edge.native import Quantised
from ccnet_edge.native.ir import RowProgram
from ccnet_edge.native.quantise import LARGEST_WEIGHT
from ccnet_edge.spec.network import NetworkSpec, Node
from tests.export.networks import small_spec
from tests.native.builds import case_of, library, noise, program, tool
from tests.native.integer_builds import (
    MACHINES,
    IntegerMade,
    aarch64,
    make_int8,
    plain_c,
    program_of,
    run_logits,
)
from tests.native.integers import normalised
from tests.native.networks import Case, seeded_case
from tests.native.raw import Library, Status, image_of, output_of
from tests.native.test_memory_bounds import SANITIZERS, SIDES, drive, hashes

# Numbers of random networks that have every operator in every shape, by the first test.
# Compiles networks.
pytestmark = pytest.mark.native

SEEDS = (3, 12, 44, 748, 785, 1681)


def check(made: IntegerMade, *, compiler: str = "clang", level: str = "-O0") -> None:
    """Equal bits on every instruction set, in one band and in three."""
    path, x = library(made, compiler=compiler, level=level), noise(made)
    wanted = made.logits(x)
    for threads in (1, 3):
        session = NativeSession(path, made.weights, threads=threads)
        tried = 0
        for machine in MACHINES:
            with suppress(DeviceError):
                session.use(machine)
                tried += 1
                assert np.array_equal(session.run(x), wanted), machine
        assert tried
        session.close()


def shapes(case: Case) -> set[tuple[object, ...]]:
    """What the operators of a case are: kinds with kernels, strides, several sources."""
    found: set[tuple[object, ...]] = set()
    for op in program_of(case).ops:
        found.add((op.kind, max(op.stride, op.up)) if op.stride * op.up > 1 else (op.kind,))
        if op.kind in ("conv8", "logits8"):
            found.add((op.kind, "kernel", op.kernel))
            found.add((op.kind, "spare channels", -op.channels % 4))
        if len(op.sources) > 1:
            found.add((op.kind, "several sources"))
    return found


def test_the_random_networks_have_every_operator_in_every_shape() -> None:
    found = set().union(*(shapes(seeded_case(seed, cells=2)) for seed in SEEDS))
    wanted: set[tuple[object, ...]] = {("quantise",)}
    wanted |= {("conv8", "kernel", kernel) for kernel in (1, 3, 5, 7)}
    wanted |= {("logits8", "kernel", kernel) for kernel in (1, 3)}
    wanted |= {("conv8", "spare channels", spare) for spare in range(4)}
    wanted |= {(kind, factor) for kind in ("conv8", "upconv8") for factor in (2, 3, 4)}
    wanted |= {("maxpool8", factor) for factor in (2, 3)}
    wanted |= {(kind, "several sources") for kind in ("conv8", "upconv8")}
    assert wanted <= found


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_networks_logits_are_the_integers_on_every_instruction_set(seed: int) -> None:
    compiler = ("gcc", "clang")[SEEDS.index(seed) % 2]
    check(make_int8(seeded_case(seed, cells=2), seed=seed), compiler=compiler)


# Sizes down to the smallest, and widths that no vector divides, at both scales.
SIZES = ((2, 2), (16, 16), (6, 20), (4, 36), (2, 52), (10, 8), (4, 30), (2, 34), (2, 154))


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_widths_that_vectors_do_not_divide_give_the_integers(height: int, width: int) -> None:
    index = SIZES.index((height, width))
    network = small_spec(in_channels=1 + index % 5, outputs=(1, 3, 5)[index % 3])
    check(make_int8(case_of(network, height, width)))


@pytest.mark.parametrize("channels", [3, 5, 8])
def test_a_pooled_input_is_padded_with_every_channels_own_zero(channels: int) -> None:
    nodes = (
        Node(name="input", op="input", width=channels),
        Node(name="pool", op="maxpool", inputs=("input",), kernel=2, stride=2, scale=1),
        Node(name="wide", op="conv_bn_relu", inputs=("pool",), width=4, kernel=5, scale=1),
        Node(name="up", op="upconv", inputs=("wide",), width=2, kernel=2, stride=2),
        Node(name="head", op="conv", inputs=("up",), width=1, kernel=3),
    )
    network = NetworkSpec(architecture="pooled", nodes=nodes, widths=(1, 1))
    made = make_int8(case_of(network, 12, 28))
    assert len(set(made.quantised.zeros[1].tolist())) > 1
    check(made)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_optimised_builds_give_the_integers(compiler: str) -> None:
    network = small_spec(outputs=2).with_widths((9, 13))
    check(make_int8(case_of(network, 12, 150)), compiler=compiler, level="-O3")


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
def test_samples_of_8_and_16_bits_become_the_integers(channels: int) -> None:
    made = make_int8(case_of(small_spec(in_channels=channels), 6, 40))
    context = Library(library(made)).open(made.weights)
    chance = np.random.default_rng(2)
    for kind, most in ((np.uint8, 255), (np.uint16, 65535)):
        pixels = chance.integers(0, most, (6, 40, channels), kind, endpoint=True)
        wanted = made.logits(normalised(pixels, made.preprocessing))
        found = np.empty_like(wanted)
        assert context.segment(image_of(pixels), output_of(scores=found)) == Status.OK
        assert np.array_equal(found, wanted)


def largest_weights(_: RowProgram, quantised: Quantised) -> Quantised:
    """Channels of nothing but the largest weight, of the smallest, and of both in turn."""

    def extreme(weight: np.ndarray) -> np.ndarray:
        signs = np.random.default_rng(0).choice([-1, 1], weight.shape)
        signs[0::3], signs[1::3] = 1, -1
        return (signs * LARGEST_WEIGHT).astype(np.int8)

    found = {
        node: dataclasses.replace(each, weight=extreme(each.weight))
        for node, each in quantised.convolutions.items()
    }
    return dataclasses.replace(quantised, convolutions=found)


def test_nothing_saturates_between_the_largest_weights_and_activations() -> None:
    made = make_int8(case_of(small_spec(outputs=3), 8, 36), change=largest_weights)
    session = NativeSession(library(made), made.weights)
    for value in (-1e30, -1.0, 1e30, np.inf, -np.inf, np.nan):
        x = np.full((1, 3, 8, 36), value, np.float32)
        # What is no number is the least; numpy has no opinion.
        wanted = made.logits(np.clip(np.nan_to_num(x, nan=-1e30), -1e3, 1e3).astype(np.float32))
        for machine in MACHINES:
            with suppress(DeviceError):
                session.use(machine)
                assert np.array_equal(session.run(x), wanted), (machine, value)


BOUNDS = {
    "smallest": case_of(small_spec(in_channels=1), 2, 2),
    "W=20": case_of(small_spec(in_channels=3, outputs=3), 4, 20),
    "W=36": case_of(small_spec(in_channels=5), 10, 36),
    "W=70": case_of(small_spec(in_channels=4, outputs=5), 8, 70),
    "any": seeded_case(785, cells=2),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_no_byte_beside_what_was_given_is_touched_and_all_ways_give_the_same_bits(
    name: str,
) -> None:
    made = make_int8(BOUNDS[name])
    binary = program(made, "drive", level="-O1" if name == "any" else "-O0").name
    outs = [drive(made, binary, side) for side in SIDES[:2]]
    assert outs[0] == outs[1]
    found = hashes(outs[0])
    more = {"u8": {f"bands{i}" for i in range(1, 9)} | {"rows"}, "u16": {"rows"}, "f32": set()}
    for form, ways in more.items():
        on_all = [found[machine, each] for machine, each in found if each == form]
        # One hash, whatever the way and whatever the machine.
        assert len({value for each in on_all for value in each}) == 1
        assert all(set().union(*each.values()) == {"whole", "strided"} | ways for each in on_all)


# clang watches unrolled kernels for minutes.
@pytest.mark.parametrize(
    ("name", "compiler", "level"), [("W=20", "gcc", "-O1"), ("any", "clang", "-O0")]
)
def test_sanitizers_find_nothing(name: str, compiler: str, level: str) -> None:
    made = make_int8(BOUNDS[name])
    binary = program(made, "drive", *SANITIZERS, compiler=compiler, level=level).name
    drive(made, binary, "heap")


OTHERS = {
    "small": case_of(small_spec(outputs=2), 6, 52),
    "any": seeded_case(785, cells=2),
    "another": seeded_case(44, cells=2),
}


@pytest.mark.parametrize("name", OTHERS)
def test_plain_c_gives_the_integers(name: str) -> None:
    made = make_int8(OTHERS[name])
    x = noise(made)
    assert np.array_equal(run_logits(made, (plain_c(made),), x, "c"), made.logits(x))


@pytest.mark.arm64
@pytest.mark.parametrize("name", OTHERS)
def test_aarch64_gives_the_integers_with_and_without_dot_products(name: str) -> None:
    emulator = tool("qemu-aarch64")
    made = make_int8(OTHERS[name])
    binary, x = aarch64(made), noise(made)
    for machine in ("neon", "dotprod"):
        assert np.array_equal(run_logits(made, (emulator, binary), x, machine), made.logits(x))


WASM = """
const fs = require("fs");
const [code, weights, x, y, size] = process.argv.slice(2);
const built = new WebAssembly.Module(fs.readFileSync(code));
const c = new WebAssembly.Instance(built, {page: {row: () => {}}}).exports;
const put = (at, path) => new Uint8Array(c.memory.buffer).set(fs.readFileSync(path), at);
put(c.web_weights(), weights);
put(c.web_image(), x);
if (c.web_open()) process.exit(1);
const at = c.memory.buffer.byteLength;
c.memory.grow(16);
if (c.web_segment(at)) process.exit(1);
fs.writeFileSync(y, new Uint8Array(c.memory.buffer, at, Number(size)));
"""


@pytest.mark.parametrize("name", OTHERS)
def test_wasm_gives_the_integers(name: str, tmp_path: Path) -> None:
    from ccnet_edge.native.wasm import build_modules

    node = tool("node")
    tool("clang")
    tool("wasm-ld")
    made = make_int8(OTHERS[name])
    x = noise(made)
    wanted = made.logits(x)
    modules = build_modules(
        {file: (made.folder / file).read_bytes() for file in ("ccnet.c", "ccnet.h")}
    )
    (tmp_path / "run.cjs").write_text(WASM)
    (tmp_path / "net.wasm").write_bytes(modules["ccnet.wasm"])
    x.tofile(tmp_path / "x")
    files = [tmp_path / "net.wasm", made.folder / "ccnet.weights", tmp_path / "x", tmp_path / "y"]
    subprocess.run([node, tmp_path / "run.cjs", *files, str(wanted.nbytes)], check=True)
    found = np.fromfile(tmp_path / "y", np.float32).reshape(wanted.shape)
    assert np.array_equal(found, wanted)


@pytest.mark.slow
@pytest.mark.parametrize("compiler", ["clang", "gcc"])
@pytest.mark.parametrize("seed", range(100, 200))
def test_many_random_networks_give_the_integers(seed: int, compiler: str) -> None:
    case = seeded_case(seed, cells=3, most_width=14)
    check(make_int8(case, seed=seed), compiler=compiler, level="-O3")
