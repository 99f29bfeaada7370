"""Nothing beside the memory that was given is touched, and every way gives the same bits.

drivers/drive.c puts the image, the mask, the scores, the weights and the arena each at the end of
a page behind which a read faults, or at the begin of one before which it does; and on the heap,
where sanitizers watch.
"""

import os
import subprocess
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from ccnet_edge.native import WEIGHTS, Choices
from ccnet_edge.native.lower import skips_of
from tests.export.networks import small_spec
from tests.native.builds import PORTABLE, Made, case_of, make, program, runner
from tests.native.networks import Case, seeded_case
from tests.native.pictures import pam

# Compiles networks.
pytestmark = pytest.mark.native

SIDES = ("after", "before", "heap")
SANITIZERS = (
    "-g",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
)


def winograd_case(height: int, width: int) -> Case:
    """Every 3×3 convolution by row pairs, the skip in fp16."""
    network = small_spec(in_channels=3, outputs=3)
    pairs = frozenset(node.name for node in network.nodes if node.kernel == 3)
    keep = tuple((name, "fp16") for name in skips_of(network))
    return case_of(network, height, width, Choices(skips=keep, winograd=pairs))  # type: ignore[arg-type]


CASES = {
    "smallest": case_of(small_spec(in_channels=1), 2, 2),
    "16x16": winograd_case(16, 16),
    "W=20": winograd_case(4, 20),
    "W=52": case_of(small_spec(in_channels=4, outputs=3), 6, 52),
    "any": seeded_case(785, cells=2),
}


def drive(made: Made, binary: str, side: str) -> str:
    done = subprocess.run(
        [made.folder / binary, side, made.folder / WEIGHTS],
        capture_output=True,
        text=True,
        check=False,
        # What the driver was given it keeps to its end.
        env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"},
    )
    assert not done.returncode, f"{done.returncode} {done.stdout[-200:]} {done.stderr[-2000:]}"
    return done.stdout


def hashes(out: str) -> dict[tuple[str, str], dict[str, set[str]]]:
    """Instruction set and format of pixels → hash → the ways that gave it."""
    found: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for line in out.splitlines():
        machine, form, value, way = line.split()
        found[machine, form][value].add(way)
    return found


def test_the_portable_kernels_touch_nothing_else() -> None:
    made = make(CASES["16x16"])
    binary = program(made, "drive", PORTABLE, level="-O0").name
    (out,) = {drive(made, binary, side) for side in SIDES}
    assert {machine for machine, _ in hashes(out)} == {"c"}


@pytest.mark.parametrize("name", CASES)
def test_no_byte_beside_what_was_given_is_touched_and_all_ways_give_the_same_bits(
    name: str,
) -> None:
    made = make(CASES[name])
    binary = program(made, "drive", level="-O1" if name == "any" else "-O0").name
    outs = [drive(made, binary, side) for side in SIDES[:2]]
    assert outs[0] == outs[1]
    for (_, form), ways in hashes(outs[0]).items():
        (same,) = ways.values()
        more = {"u8": {f"bands{i}" for i in range(1, 9)} | {"rows"}, "u16": {"rows"}, "f32": set()}
        assert same == {"whole", "strided"} | more[form]


@pytest.mark.parametrize(
    ("name", "compiler"), [("W=20", "gcc"), ("any", "clang")], ids=["gcc", "clang"]
)
def test_sanitizers_find_nothing(name: str, compiler: str) -> None:
    made = make(CASES[name])
    binary = program(made, "drive", *SANITIZERS, compiler=compiler, level="-O0").name
    drive(made, binary, "heap")


@pytest.mark.parametrize("kind", ["address", "thread"])
def test_sanitizers_find_nothing_in_the_runner(kind: str, tmp_path: Path) -> None:
    made = make(case_of(small_spec(), 16, 20))
    options = SANITIZERS if kind == "address" else ("-g", "-fsanitize=thread")
    binary = runner(made, PORTABLE, *options, level="-O0")
    good = pam(np.zeros((16, 20, 3), np.uint8))
    for image, words, code in (
        (good, ["--threads", "8"], 0),
        (good, ["--rows", "--logits", "logits", "--bench", "1"], 0),
        (good[:-1], [], 2),
        (good, ["--machine", "none"], 2),
    ):
        (tmp_path / "image").write_bytes(image)
        command: list[str | Path] = [binary, made.folder / WEIGHTS, "image", "mask", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        assert "Sanitizer" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("compiler", ["clang", "gcc"])
@pytest.mark.parametrize("seed", range(300, 330))
def test_many_networks_touch_nothing_else(seed: int, compiler: str) -> None:
    made = make(seeded_case(seed, cells=2, most_width=14), seed=seed)
    binary = program(made, "drive", compiler=compiler, level="-O3").name
    assert len({drive(made, binary, side) for side in SIDES}) == 1
    watched = program(made, "drive", *SANITIZERS, compiler=compiler, level="-O1").name
    drive(made, watched, "heap")
