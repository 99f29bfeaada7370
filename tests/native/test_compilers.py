"""The source under compilers: silent, C99, without state, and built by its own CMake file."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from ccnet_edge.device.backends.native import NativeSession
from ccnet_edge.native import WEIGHTS, Choices
from ccnet_edge.native.lower import skips_of
from ccnet_edge.spec.network import NetworkSpec, Node
from tests.export.networks import small_spec
from tests.native.builds import (
    AARCH64,
    PORTABLE,
    Made,
    case_of,
    compile_c,
    make,
    noise,
    relative_error,
    tool,
)

# Compiles networks.
pytestmark = pytest.mark.native

STRICT = ("-Wpedantic", "-Wconversion", "-Wno-sign-conversion", "-Wshadow", "-Wstrict-prototypes")
# What a compiler puts there itself.
RUNTIME = {"__cpu_model", "__cpu_indicator_init", "_GLOBAL_OFFSET_TABLE_"}
MEMORY = {"memset", "memcpy", "memmove", "memcmp"}


@pytest.fixture(scope="module")
def made() -> Made:
    """Every kind of operator: row pairs, skips in fp16, several outputs."""
    network = small_spec(outputs=3)
    keep = tuple((name, "fp16") for name in skips_of(network))
    choices = Choices(skips=keep, winograd=frozenset({"encoder0"}))  # type: ignore[arg-type]
    return make(case_of(network, 8, 20, choices))


def line(*kernels: int) -> NetworkSpec:
    nodes = [Node(name="input", op="input", width=1)]
    for index, kernel in enumerate(kernels):
        nodes.append(
            Node(name=f"c{index}", op="conv", inputs=(nodes[-1].name,), width=1, kernel=kernel)
        )
    return NetworkSpec(architecture="line", nodes=tuple(nodes), widths=(1,))


# gcc has some warnings from -O1 on only.
@pytest.mark.parametrize(
    ("compiler", "level"), [("gcc", "-O1"), ("clang", "-O0"), (AARCH64, "-O1")]
)
def test_the_source_compiles_without_a_word(compiler: str, level: str, made: Made) -> None:
    for source in ("ccnet.c", "runner.c"):
        compile_c(made.folder, "out.o", (level, *STRICT, "-c", source), compiler=compiler)


@pytest.mark.parametrize(("compiler", "pairs"), [("gcc", True), ("clang", False)])
def test_networks_that_need_few_kernels_compile_without_a_word(compiler: str, pairs: bool) -> None:
    choices = Choices(winograd=frozenset({"c0"} if pairs else ()))
    few = make(case_of(line(3), 2, 2, choices))
    for options in ((), (PORTABLE,)):
        words = ("-O1", *options, *STRICT, "-c", "ccnet.c")
        compile_c(few.folder, "out.o", words, compiler=compiler)


@pytest.mark.parametrize(
    ("compiler", "standard"),
    [("gcc", "gnu99"), ("clang", "c99"), (AARCH64, "c99")],
)
def test_the_library_is_c99_with_vector_extensions(
    compiler: str, standard: str, made: Made
) -> None:
    words = (f"-std={standard}", "-pedantic", "-O0", "-c", "ccnet.c")
    compile_c(made.folder, "out.o", words, compiler=compiler)
    # glibc has some of C11's words as macros; other libraries do not.
    source = (made.folder / "ccnet.c").read_text() + (made.folder / "ccnet.h").read_text()
    code = "\n".join(line for line in source.splitlines() if not line.startswith(" *"))
    later = ("_Static_assert", "_Alignas", "_Alignof", "_Generic", "_Atomic", "_Thread_local")
    assert not [word for word in later if word in code]


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_the_header_is_good_for_cxx(compiler: str, made: Made) -> None:
    (made.folder / "user.cc").write_text(
        '#include "ccnet.h"\nint main() { return ccnet_describe()->height - CCNET_HEIGHT; }\n'
    )
    words = [tool(compiler), "-Wall", "-Wextra", "-pedantic", "-Werror", "-c", "user.cc"]
    subprocess.run(words, cwd=made.folder, check=True, capture_output=True)


def symbols(path: Path) -> list[tuple[str, str]]:
    """Type and name of every symbol, by nm."""
    out = subprocess.run([tool("nm"), path], capture_output=True, text=True, check=True).stdout
    words = [line.split() for line in out.splitlines()]
    return [(w[-2], w[-1]) for w in words]


@pytest.mark.parametrize(("compiler", "level"), [("gcc", "-O0"), ("clang", "-O1")])
def test_the_library_has_no_writable_data_and_needs_no_other(
    compiler: str, level: str, made: Made
) -> None:
    # Not position-independent: constant tables of addresses are then in .rodata.
    words = (level, "-fno-pic", "-c", "ccnet.c")
    path = compile_c(made.folder, "out.o", words, compiler=compiler)
    found = symbols(path)
    assert not [name for kind, name in found if kind in "dDbBcC"]
    assert {name for kind, name in found if kind == "U"} <= RUNTIME | MEMORY
    public = {name for kind, name in found if kind == "T"}
    assert public
    assert all(name.startswith("ccnet_") for name in public)


def test_names_of_nodes_and_classes_cannot_leave_their_comments() -> None:
    hostile = ("*/ #error", "*\\/ #error", "*\n/", "*??/\n/ #error", "/*", "a\\\n#error", "*\\\n/")
    nodes = [Node(name="input", op="input", width=1)]
    for index, name in enumerate(hostile):
        nodes.append(
            Node(
                name=name, op="conv", inputs=(nodes[-1].name,), width=1, kernel=1 + 2 * (index % 2)
            )
        )
    network = NetworkSpec(architecture="line", nodes=tuple(nodes), widths=(1,))
    made = make(case_of(network, 2, 2), classes=hostile)
    for standard in ("c99", "gnu11"):
        words = (f"-std={standard}", PORTABLE, "-fsyntax-only", "ccnet.c")
        compile_c(made.folder, "out.o", words, compiler="gcc")


def test_cmake_builds_the_folder_as_it_is_exported(made: Made) -> None:
    # One set of kernels is enough to see that it builds.
    options = ["-DBUILD_SHARED_LIBS=ON", f"-DCMAKE_C_FLAGS={PORTABLE}"]
    for words in (["-B", "build", *options], ["--build", "build"]):
        done = subprocess.run(
            [tool("cmake"), *words], cwd=made.folder, capture_output=True, text=True, check=False
        )
        assert not done.returncode, done.stdout + done.stderr
        assert "warning" not in (done.stdout + done.stderr).lower()
    session = NativeSession(made.folder / "build" / "libccnet.so", made.weights)
    x = noise(made)
    assert relative_error(session.run(x), made.torch_logits(x)) < 1e-2  # its skips are fp16
    (made.folder / "image.ppm").write_bytes(b"P6 20 8 255\n" + bytes(480))
    words = ["build/ccnet-run", WEIGHTS, "image.ppm", "mask.pgm"]
    subprocess.run(words, cwd=made.folder, check=True)
    mask = np.frombuffer((made.folder / "mask.pgm").read_bytes()[-160:], np.uint8)
    expected = session.segment_pixels(np.zeros((8, 20, 3), np.uint8))
    assert np.array_equal(mask.reshape(8, 20), expected)


def test_equal_networks_and_weights_give_equal_files(made: Made) -> None:
    again = make(made.case)
    for path in [*sorted(made.folder.glob("*.[ch]")), made.folder / WEIGHTS]:
        assert path.read_bytes() == (again.folder / path.name).read_bytes(), path.name


def test_means_and_deviations_are_written_as_the_nearest_float32() -> None:
    # 9 digits of the double would be read as another float32 for 1 of 130 values.
    made = make(case_of(small_spec(in_channels=4), 2, 2), seed=3)
    source = (made.folder / "ccnet.c").read_text()
    for name, values in (("MEAN", made.preprocessing.mean), ("STD", made.preprocessing.std)):
        text = source.split(f"CC_{name}[] = {{")[1].split("}")[0]
        found = [np.float32(word.rstrip("f")) for word in text.split(", ")]
        assert found == [np.float32(value) for value in values]
