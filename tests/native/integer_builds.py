"""int8 networks made into C, with the integers that they were made from."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.export.native import fold
from ccnet_edge.native import (
    WEIGHTS,
    Choices,
    Quantised,
    Range,
    Seen,
    Subject,
    emit_files,
    quantise,
)
from ccnet_edge.native.int8 import in_int8
from ccnet_edge.native.ir import RowProgram
from ccnet_edge.native.layout import lay_out
from ccnet_edge.native.lower import Keep, lower
from ccnet_edge.native.planner import MOST_BANDS
from tests.export.networks import small_module
from tests.native.builds import (
    DRIVERS,
    X86,
    Made,
    class_names,
    compile_c,
    drawn_preprocessing,
    scratch,
)
from tests.native.integers import integer_logits
from tests.native.networks import Case

# Instruction sets that a build for this machine's architecture may have.
MACHINES = ("vnni", "avx512", "avx2", "ssse3", "sse2") if X86 else ("dotprod", "neon")
Change = Callable[[RowProgram, Quantised], Quantised]


@dataclass(frozen=True, kw_only=True)
class IntegerMade(Made):
    """A network's files, and the program and the integers that they were made from."""

    program: RowProgram
    quantised: Quantised

    def logits(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """[1, outputs, H, W], by numpy's integers."""
        return integer_logits(self.program, self.quantised, x)


def integer_case(case: Case) -> Case:
    """The same network with choices that int8 has."""
    kept: tuple[tuple[str, Keep], ...] = tuple(
        (name, "fp32" if keep == "fp16" else keep) for name, keep in case.choices.skips
    )
    return replace(case, choices=Choices(skips=kept))


def program_of(case: Case) -> RowProgram:
    choices = integer_case(case).choices
    return in_int8(lower(case.network, height=case.height, width=case.width, choices=choices))


def make_int8(case: Case, *, seed: int = 0, change: Change | None = None) -> IntegerMade:
    """Source and weights of a network with random weights, scaled by random ranges."""
    case = integer_case(case)
    generator = np.random.default_rng(seed)
    stride = case.network.output_stride
    program, module = program_of(case), small_module(case.network, seed=seed)
    ranges = {
        op.node or op.name: tuple(
            Range(low=-float(generator.uniform(0, 4)), high=float(generator.uniform(1, 6)))
            for _ in range(op.channels)
        )
        for op in program.ops
        if op.kind in ("quantise", "conv8", "upconv8")
    }
    quantised = quantise(program, fold(module), Seen(ranges=ranges))
    if change is not None:
        quantised = change(program, quantised)
    preprocessing = drawn_preprocessing(case, generator)
    layout = lay_out(program, stride=stride, bands=MOST_BANDS)
    subject = Subject(
        program=program,
        layout=layout,
        preprocessing=preprocessing,
        stride=stride,
        classes=class_names(case),
    )
    folder = Path(tempfile.mkdtemp(prefix="ccnet-native-", dir=scratch()))
    for name, content in emit_files(subject, quantised).items():
        (folder / name).write_bytes(content)
    return IntegerMade(
        folder=folder,
        case=case,
        module=module,
        preprocessing=preprocessing,
        layout=layout,
        program=program,
        quantised=quantised,
    )


def plain_c(made: IntegerMade, *, compiler: str = "gcc") -> Path:
    """A program with the kernels that need no instruction set at all."""
    # Its own headers do not look for those of the machine that it is said not to be.
    apart = ("-O1", "-c", "-ffreestanding", "-U__x86_64__", "-U__aarch64__", "ccnet.c")
    compile_c(made.folder, "plain.o", apart, compiler=compiler)
    words = ("-O1", "-I.", DRIVERS / "logits.c", "plain.o")
    return compile_c(made.folder, "plain", words, compiler=compiler)


def aarch64(made: IntegerMade) -> Path:
    """A program for another machine, with all that it needs inside."""
    words = ("-O2", "-static", "-I.", str(DRIVERS / "logits.c"), "ccnet.c")
    return compile_c(made.folder, "aarch64", words, compiler="aarch64-linux-gnu-gcc")


def run_logits(
    made: IntegerMade, words: tuple[str | Path, ...], x: NDArray[np.float32], machine: str
) -> NDArray[np.float32]:
    """The logits that a program with drivers/logits.c writes."""
    ends = (made.folder / "x.f32", made.folder / "y.f32")
    x.tofile(ends[0])
    done = subprocess.run(
        [*words, made.folder / WEIGHTS, *ends, machine], capture_output=True, text=True, check=False
    )
    assert not done.returncode, f"{done.returncode} {done.stdout} {done.stderr}"
    shape = (1, made.case.network.outputs, made.case.height, made.case.width)
    return np.fromfile(ends[1], np.float32).reshape(shape)
