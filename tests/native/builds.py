"""Networks made into C, compiled and opened: what the tests of the C side start from."""

from __future__ import annotations

import atexit
import copy
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ccnet_edge.device.backends.native import NativeSession
from ccnet_edge.errors import DeviceError
from ccnet_edge.export.native import fold
from ccnet_edge.native import WEIGHTS, Choices, Subject, emit_files
from ccnet_edge.native.layout import Layout, lay_out
from ccnet_edge.native.lower import lower
from ccnet_edge.native.planner import MOST_BANDS
from ccnet_edge.nets import SpecModule
from ccnet_edge.spec.artifact import Preprocessing
from ccnet_edge.spec.network import NetworkSpec
from tests.export.networks import small_module
from tests.native.networks import Case

DRIVERS = Path(__file__).parent / "drivers"
CONTRACT = ("-std=gnu11", "-ffp-contract=fast", "-Wall", "-Wextra", "-Werror")
X86 = platform.machine() == "x86_64"
AARCH64 = "aarch64-linux-gnu-gcc"
# Instruction sets that a build for this machine's architecture may have.
MACHINES = ("avx512", "avx2", "sse2", "c") if X86 else ("neon", "c")
# A build without any machine's own functions.
PORTABLE = "-DCCNET_PORTABLE"


@dataclass(frozen=True, kw_only=True)
class Made:
    """A network's files in a folder, the module that they were made from, and its arena."""

    folder: Path
    case: Case
    module: SpecModule
    preprocessing: Preprocessing
    layout: Layout

    @property
    def weights(self) -> bytes:
        return (self.folder / WEIGHTS).read_bytes()

    def torch_logits(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """[1, outputs, H, W] in double precision."""
        with torch.inference_mode():
            module = copy.deepcopy(self.module).double()
            found: NDArray[np.float64] = module(torch.from_numpy(x).double()).numpy()
        return found


def tool(name: str) -> str:
    """The path of a program; the test skips where it is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def qemu() -> list[str]:
    """The words before a program for aarch64; the test skips where there is no emulator."""
    return [tool("qemu-aarch64"), "-L", "/usr/aarch64-linux-gnu"]


def drawn_preprocessing(case: Case, generator: np.random.Generator) -> Preprocessing:
    """Some means and deviations."""
    channels = case.network.in_channels
    return Preprocessing(
        height=case.height,
        width=case.width,
        channels=channels,
        maximum=255.0,
        mean=tuple(generator.uniform(0.2, 0.7, channels).tolist()),
        std=tuple(generator.uniform(0.1, 0.4, channels).tolist()),
    )


def class_names(case: Case) -> tuple[str, ...]:
    """A name for every class."""
    return tuple(f"tissue {i}" for i in range(max(2, case.network.outputs)))


def make(
    case: Case, *, seed: int = 0, folder: Path | None = None, classes: tuple[str, ...] = ()
) -> Made:
    """A network's source and weights, as an export writes them, with random weights."""
    where = folder or Path(tempfile.mkdtemp(prefix="ccnet-native-", dir=scratch()))
    generator = np.random.default_rng(seed)
    preprocessing = drawn_preprocessing(case, generator)
    stride = case.network.output_stride
    program = lower(case.network, height=case.height, width=case.width, choices=case.choices)
    layout = lay_out(program, stride=stride, bands=MOST_BANDS)
    subject = Subject(
        program=program,
        layout=layout,
        preprocessing=preprocessing,
        stride=stride,
        classes=classes or class_names(case),
    )
    module = small_module(case.network, seed=seed)
    for name, content in emit_files(subject, fold(module)).items():
        (where / name).write_bytes(content)
    return Made(folder=where, case=case, module=module, preprocessing=preprocessing, layout=layout)


@cache
def scratch() -> Path:
    """One folder for everything that this process compiles; it goes when the process does."""
    folder = Path(tempfile.mkdtemp(prefix="ccnet-native-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def compile_c(
    folder: Path, out: str, words: Sequence[str | Path], *, compiler: str = "clang"
) -> Path:
    """A file compiled in `folder`; what the compiler says, warnings too, is a failure."""
    command = [tool(compiler), *CONTRACT, *map(str, words), "-o", out]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    assert not done.stderr, done.stderr
    return folder / out


def library(made: Made, *options: str, compiler: str = "clang", level: str = "-O1") -> Path:
    """The network's shared library."""
    name = f"libccnet-{compiler}{level}{''.join(options)}.so"
    words = (level, *options, "-fPIC", "-shared", "ccnet.c")
    return compile_c(made.folder, name, words, compiler=compiler)


def runner(made: Made, *options: str, compiler: str = "clang", level: str = "-O1") -> Path:
    """The network's runner, one file."""
    words = (level, *options, "ccnet.c", "runner.c", "-pthread")
    name = f"ccnet-run-{compiler}{level}-{len(options)}"
    return compile_c(made.folder, name, words, compiler=compiler)


def program(
    made: Made, driver: str, *options: str, compiler: str = "clang", level: str = "-O1"
) -> Path:
    """A driver of drivers/ with the network's library in it."""
    sources = (
        [DRIVERS / f"{driver}.c"] if driver == "probe" else [DRIVERS / f"{driver}.c", "ccnet.c"]
    )
    name = "-".join([driver, compiler, level.lstrip("-"), *map(str, map(len, options))])
    words = (level, *options, "-I.", f"-I{DRIVERS}", *sources, "-pthread")
    return compile_c(made.folder, name, words, compiler=compiler)


def machines_of(session: NativeSession) -> tuple[str, ...]:
    """The instruction sets that this build and this machine have."""
    found = []
    for machine in MACHINES:
        with suppress(DeviceError):
            session.use(machine)
            found.append(machine)
    return tuple(found)


def case_of(network: NetworkSpec, height: int, width: int, choices: Choices | None = None) -> Case:
    return Case(network=network, height=height, width=width, choices=choices or Choices())


def noise(made: Made, *, seed: int = 0) -> NDArray[np.float32]:
    """An input [1, C, H, W]."""
    shape = (1, made.case.network.in_channels, made.case.height, made.case.width)
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def relative_error(found: NDArray[np.float32], wanted: NDArray[np.float64]) -> float:
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())
