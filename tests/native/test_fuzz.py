"""Some thousand random inputs by libFuzzer under sanitizers; a million where asked for.

Two harnesses in fuzz/: any bytes as a picture, and any bytes as weights.
"""

import re
import subprocess
from pathlib import Path

import pytest

from tests.native.builds import PORTABLE, Made, compile_c, tool
from tests.native.fuzz.seeds import fuzzed_network, picture_seeds, weight_seeds, write

# Compiles networks.
pytestmark = pytest.mark.native

HERE = Path(__file__).parent / "fuzz"
SANITIZERS = (
    "-fsanitize=fuzzer,address,undefined,float-cast-overflow",
    "-fno-sanitize-recover=all",
)
QUICK, MANY = 3000, 1_000_000


@pytest.fixture(scope="module")
def made() -> Made:
    return fuzzed_network()


def harness(made: Made, name: str, *options: str, level: str = "-O1") -> Path:
    """A harness; the test skips where clang has no libFuzzer."""
    folder = made.folder
    found = subprocess.run(
        [tool("clang"), "--print-file-name=libclang_rt.fuzzer-x86_64.a"],
        capture_output=True,
        text=True,
        check=True,
    )
    if not Path(found.stdout.strip()).is_file():
        pytest.skip("clang has no libFuzzer")
    words: tuple[str | Path, ...] = (level, "-g", *SANITIZERS, *options, "-I.", HERE / f"{name}.c")
    return compile_c(folder, f"fuzz-{name}", words)


def fuzz(binary: Path, corpus: Path, runs: int, *, most_bytes: int) -> None:
    done = subprocess.run(
        [binary, f"-runs={runs}", "-seed=1", f"-max_len={most_bytes}", "-timeout=10", corpus],
        cwd=corpus.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr[-4000:]
    count = re.search(r"Done (\d+) runs", done.stderr)
    assert count is not None
    assert int(count[1]) >= runs


def test_any_bytes_are_a_picture_or_refused(made: Made, tmp_path: Path) -> None:
    corpus = write(tmp_path / "corpus", picture_seeds())
    fuzz(harness(made, "picture"), corpus, QUICK, most_bytes=2048)


def test_any_bytes_as_weights_touch_nothing_else(made: Made, tmp_path: Path) -> None:
    corpus = write(tmp_path / "corpus", weight_seeds(made))
    size = len(made.weights) + 16
    binary = harness(made, "weights", PORTABLE, level="-O0")
    fuzz(binary, corpus, QUICK, most_bytes=size)


@pytest.mark.slow
def test_a_million_inputs_are_a_picture_or_refused(made: Made, tmp_path: Path) -> None:
    corpus = write(tmp_path / "corpus", picture_seeds())
    fuzz(harness(made, "picture"), corpus, MANY, most_bytes=4096)


@pytest.mark.slow
def test_a_million_inputs_as_weights_touch_nothing_else(made: Made, tmp_path: Path) -> None:
    corpus = write(tmp_path / "corpus", weight_seeds(made))
    fuzz(harness(made, "weights"), corpus, MANY, most_bytes=len(made.weights) + 16)
