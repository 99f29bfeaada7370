"""The library and the runner for aarch64, under an emulator: the masks of this machine."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from ccnet_edge.device.backends.native import NativeSession
from ccnet_edge.native import WEIGHTS, Choices
from tests.export.networks import small_spec
from tests.native.builds import (
    AARCH64,
    Made,
    case_of,
    library,
    make,
    program,
    qemu,
    relative_error,
    runner,
)
from tests.native.networks import Case, seeded_case
from tests.native.pictures import mask_of, pam
from tests.native.test_memory_bounds import hashes

pytestmark = [pytest.mark.arm64, pytest.mark.native]

PAIRS = frozenset({"encoder0", "bottleneck", "decoder0"})
CASES: dict[str, Case] = {
    "direct": case_of(small_spec(in_channels=3, outputs=3), 12, 36),
    "row pairs": case_of(small_spec(in_channels=1), 8, 52, Choices(winograd=PAIRS)),
    "any": seeded_case(785, cells=2),
}


@pytest.fixture(scope="module", params=CASES)
def made(request: pytest.FixtureRequest) -> Made:
    return make(CASES[request.param])


def test_the_runners_masks_are_this_machines_and_its_logits_torchs(
    made: Made, tmp_path: Path
) -> None:
    shape = (made.case.height, made.case.width, made.case.network.in_channels)
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    (tmp_path / "image").write_bytes(pam(pixels))
    binary = runner(made, compiler=AARCH64)
    words: list[str | Path] = [
        *qemu(),
        binary,
        made.folder / WEIGHTS,
        "image",
        "mask",
        "--logits",
        "logits",
    ]
    subprocess.run([*words, "--machine", "neon"], cwd=tmp_path, check=True, capture_output=True)
    pre = made.preprocessing
    x = ((pixels / 255 - pre.mean) / pre.std).transpose(2, 0, 1)[None].astype(np.float32)
    wanted = made.torch_logits(x)
    found = np.fromfile(tmp_path / "logits", np.float32).reshape(wanted.shape)
    assert relative_error(found, wanted) <= 1e-5
    here = NativeSession(library(made, level="-O0"), made.weights)
    mask = mask_of((tmp_path / "mask").read_bytes())
    assert np.array_equal(mask, here.segment_pixels(pixels))


def test_under_the_emulator_too_nothing_else_is_touched_and_all_ways_give_the_same_bits() -> None:
    made = make(CASES["row pairs"])
    binary = program(made, "drive", compiler=AARCH64, level="-O2")
    for side in ("after", "before"):
        words = [*qemu(), binary, side, made.folder / WEIGHTS]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        found = hashes(done.stdout)
        assert set(found) == {("neon", form) for form in ("u8", "u16", "f32")}
        assert all(len(ways) == 1 for ways in found.values())


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(400, 430))
def test_many_random_networks_are_torchs_on_aarch64(seed: int, tmp_path: Path) -> None:
    case = seeded_case(seed, cells=2)
    keep = tuple((name, "fp32") for name, _ in case.choices.skips)
    choices = Choices(skips=keep, winograd=case.choices.winograd)  # type: ignore[arg-type]
    made = make(case_of(case.network, case.height, case.width, choices), seed=seed)
    test_the_runners_masks_are_this_machines_and_its_logits_torchs(made, tmp_path)
