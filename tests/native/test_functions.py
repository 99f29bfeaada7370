"""Single functions of the C side: halves as numpy rounds them, on every instruction set, and eˣ.

drivers/probe.c runs them from the library's own source.
"""

import subprocess
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from ccnet_edge.native import Choices
from ccnet_edge.native.lower import skips_of
from tests.export.networks import small_spec
from tests.native.builds import AARCH64, PORTABLE, Made, case_of, make, program, qemu

Bits = NDArray[np.uint32]


# Compiles networks.
pytestmark = pytest.mark.native


@pytest.fixture(scope="module")
def made() -> Made:
    """A network that has skips in fp16, so that its library can convert."""
    network = small_spec()
    keep = tuple((name, "fp16") for name in skips_of(network))
    return make(case_of(network, 8, 16, Choices(skips=keep)))  # type: ignore[arg-type]


@pytest.fixture(
    scope="module",
    params=["gcc", "clang", "portable", pytest.param("aarch64", marks=pytest.mark.arm64)],
)
def probe(request: pytest.FixtureRequest, made: Made) -> list[str]:
    """The command that runs it: by each compiler, with vector extensions alone, for aarch64."""
    if request.param == "aarch64":
        return [*qemu(), str(program(made, "probe", compiler=AARCH64))]
    if request.param == "portable":
        return [str(program(made, "probe", PORTABLE, level="-O0"))]
    return [str(program(made, "probe", compiler=request.param, level="-O0"))]


def ask(probe: Sequence[str], *words: str, given: bytes = b"") -> bytes:
    return subprocess.run([*probe, *words], input=given, capture_output=True, check=True).stdout


def floats() -> NDArray[np.float32]:
    """Every half, every middle between two, what stands beside those, and bits at random."""
    halves = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float32)
    middles = (halves[1:] + halves[:-1]) / 2
    exact = np.concatenate([halves, middles, np.array([65504, 65520, 65536, np.inf], np.float32)])
    bits = exact.view(np.uint32)
    beside = np.concatenate([bits, bits + 1, np.maximum(bits, 1) - 1])
    noise = np.random.default_rng(0).integers(0, 1 << 32, 200_000, np.uint32)
    every = np.concatenate([beside, beside | np.uint32(1 << 31), noise, _nans()])
    return np.resize(every, -(-every.size // 16) * 16).view(np.float32)


def _nans() -> Bits:
    return np.array([0x7F800001, 0x7FC00000, 0xFFFFFFFF, 0x7FBFFFFF, 0xFF800001], np.uint32)


def test_packing_to_fp16_rounds_as_numpy_does(probe: list[str]) -> None:
    given = floats()
    with np.errstate(over="ignore", invalid="ignore"):
        expected = given.astype(np.float16)
    nan = np.isnan(expected)
    machines = ask(probe, "machines").decode().split()
    assert machines
    for machine in machines:
        out = ask(probe, "to-half", machine, given=given.tobytes())
        found = np.frombuffer(out, np.float16)
        np.testing.assert_array_equal(found.view(np.uint16)[~nan], expected.view(np.uint16)[~nan])
        assert np.isnan(found[nan]).all(), machine
        assert np.array_equal(np.signbit(found), np.signbit(given)), machine


def test_unpacking_fp16_gives_numpys_floats_for_all_65536_halves(probe: list[str]) -> None:
    given = np.arange(65536, dtype=np.uint16).view(np.float16)
    expected = given.astype(np.float32)
    nan = np.isnan(expected)
    for machine in ask(probe, "machines").decode().split():
        out = ask(probe, "from-half", machine, given=given.tobytes())
        found = np.frombuffer(out, np.float32)
        np.testing.assert_array_equal(found.view(np.uint32)[~nan], expected.view(np.uint32)[~nan])
        assert np.isnan(found[nan]).all(), machine


def test_the_exponential_is_right_to_three_units_in_the_last_place(probe: list[str]) -> None:
    given = -np.concatenate(
        [np.linspace(0, 86.99, 300_000), np.geomspace(1e-10, 1, 50_000), [0.0]]
    ).astype(np.float32)
    expected = np.exp(given.astype(np.float64))
    found = np.frombuffer(ask(probe, "exp", given=given.tobytes()), np.float32)
    ulp = np.spacing(expected.astype(np.float32)).astype(np.float64)
    assert (np.abs(found - expected) / ulp).max() <= 3


def test_the_exponential_of_what_is_too_small_is_0(probe: list[str]) -> None:
    given = np.array([-88, -1e4, -1e30, -np.inf, np.nan], np.float32)
    assert not np.frombuffer(ask(probe, "exp", given=given.tobytes()), np.float32).any()
