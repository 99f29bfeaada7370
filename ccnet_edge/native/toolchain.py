"""C compilers: this machine's, and cross compilers for the targets' instruction sets."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ccnet_edge.errors import CcnetError, MissingExtraError

# Instruction set (`uname -m`) → cross compiler, and the Debian package that has it.
CROSS = {
    "aarch64": ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
    "armv7l": ("arm-linux-gnueabihf-gcc", "gcc-arm-linux-gnueabihf"),
    "riscv64": ("riscv64-linux-gnu-gcc", "gcc-riscv64-linux-gnu"),
    "x86_64": ("x86_64-linux-gnu-gcc", "gcc-x86-64-linux-gnu"),
}
# NOTE: contraction has to be asked for: ISO C modes switch fused multiply-adds off.
FLAGS = ("-std=gnu11", "-O3", "-ffp-contract=fast", "-Wall", "-Wextra")
MACHINE_FLAGS = {"armv7l": ("-mfpu=neon", "-mfloat-abi=hard")}
LIBRARY, RUNNER = "libccnet.so", "ccnet-run"
TIMEOUT_S = 600


@dataclass(frozen=True, kw_only=True)
class Compiler:
    """A compiler for one instruction set."""

    command: str
    machine: str

    @property
    def flags(self) -> tuple[str, ...]:
        """What every file is compiled with."""
        return (*FLAGS, *MACHINE_FLAGS.get(self.machine, ()))

    def run(self, *arguments: str, cwd: Path) -> None:
        """Compile.

        Raises:
            CcnetError: the compiler failed; with what it said.
        """
        words = [self.command, *self.flags, *arguments]
        done = subprocess.run(
            words, cwd=cwd, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        if done.returncode:
            raise CcnetError(f"{self.command} failed: {done.stderr.strip()[-2000:]}")


def find_compiler(machine: str) -> Compiler:
    """The compiler for an instruction set: $CC or cc here, a cross compiler for another.

    Raises:
        MissingExtraError: none is installed; names the package.
    """
    if machine == platform.machine():
        for command in (os.environ.get("CC", ""), "cc", "gcc", "clang"):
            if command and shutil.which(command):
                return Compiler(command=command, machine=machine)
        raise MissingExtraError(
            "the native engine needs a C compiler (cc, gcc or clang), none was found",
            hint="apt install gcc",
        )
    command, package = CROSS.get(machine, ("", ""))
    if not command or not shutil.which(command):
        wanted = command or f"a cross compiler for {machine}"
        raise MissingExtraError(
            f"the native engine for {machine} needs {wanted}, which is not installed",
            hint=f"apt install {package}, or choose --engine onnxruntime"
            if package
            else f"known: {', '.join(sorted(CROSS))}",
        )
    return Compiler(command=command, machine=machine)


def build_binaries(sources: dict[str, bytes], compiler: Compiler) -> dict[str, bytes]:
    """The shared library and the runner, stripped; equal sources and compiler give equal bytes.

    Raises:
        CcnetError: the compiler failed.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, content in sources.items():
            (folder / file).write_bytes(content)
        common = ("-s", "-Wl,--build-id=none")
        compiler.run("-fPIC", "-shared", *common, "-o", LIBRARY, "ccnet.c", cwd=folder)
        compiler.run(
            *common, "-o", RUNNER, "runner.c", LIBRARY, "-Wl,-rpath,$ORIGIN", "-pthread", cwd=folder
        )
        return {file: (folder / file).read_bytes() for file in (LIBRARY, RUNNER)}
