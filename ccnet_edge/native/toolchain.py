"""C compilers for the targets' instruction sets: this machine's own, or a cross compiler."""

from __future__ import annotations

import platform
import shutil

from ccnet_edge.device.backends.native_build import Compiler, build_binaries, compiler_here
from ccnet_edge.errors import MissingExtraError

__all__ = ["Compiler", "build_binaries", "find_compiler"]

# Instruction set (`uname -m`) → cross compiler, and the Debian package that has it.
CROSS = {
    "aarch64": ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
    "armv7l": ("arm-linux-gnueabihf-gcc", "gcc-arm-linux-gnueabihf"),
    "riscv64": ("riscv64-linux-gnu-gcc", "gcc-riscv64-linux-gnu"),
    "x86_64": ("x86_64-linux-gnu-gcc", "gcc-x86-64-linux-gnu"),
}


def find_compiler(machine: str) -> Compiler:
    """The compiler for an instruction set: this machine's, or a cross compiler for another.

    Raises:
        MissingExtraError: none is installed; names the package.
    """
    if machine == platform.machine():
        return compiler_here()
    if machine not in CROSS:
        raise MissingExtraError(
            f"the native engine knows no cross compiler for {machine}; "
            f"known: {', '.join(sorted(CROSS))}"
        )
    command, package = CROSS[machine]
    if not shutil.which(command):
        raise MissingExtraError(
            f"the native engine for {machine} needs {command}, which is not installed",
            hint=f"apt install {package}, or choose --engine onnxruntime",
        )
    return Compiler(command=command, machine=machine)
