"""C source → WebAssembly modules, with the clang and the linker that Debian has."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ccnet_edge.errors import CcnetError, MissingExtraError
from ccnet_edge.native.emit import template

# Module → what it is compiled with beside the rest. The relaxed one has fused multiply-adds,
# which not every browser knows.
MODULES = {"ccnet-relaxed.wasm": ("-DCC_RELAXED",), "ccnet.wasm": ()}
STACK_BYTES = 65_536
# NOTE: the kernels are vectors and unrolled as they are written. What clang adds to that doubles
# the module and makes nothing faster.
FLAGS = (
    "--target=wasm32",
    "-std=gnu11",
    "-O2",
    "-fno-unroll-loops",
    "-fno-vectorize",
    "-fno-slp-vectorize",
    "-Wall",
    "-Wextra",
    "-msimd128",
    "-mbulk-memory",
    "-ffreestanding",
    "-nostdlib",
)
# The stack lies first, so that one too deep ends the module and overwrites nothing.
LINKED = (
    "-Wl,--no-entry",
    "-Wl,--stack-first",
    f"-Wl,-z,stack-size={STACK_BYTES}",
    "-Wl,--strip-all",
)
GLUE = "web.c"
TIMEOUT_S = 600


def find_clang() -> str:
    """The compiler's command.

    Raises:
        MissingExtraError: it, or its linker, is not installed.
    """
    for command in ("clang", "wasm-ld"):
        if not shutil.which(command):
            raise MissingExtraError(
                f"a page is built with clang and wasm-ld; {command} is not installed",
                hint="apt install clang lld",
            )
    return "clang"


def build_modules(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """The modules of `MODULES`; equal sources and compiler give equal bytes.

    Args:
        sources: ccnet.c and ccnet.h.

    Raises:
        MissingExtraError: no compiler.
        CcnetError: it failed; with what it said.
    """
    clang = find_clang()
    with tempfile.TemporaryDirectory(prefix="ccnet-edge-") as name:
        folder = Path(name)
        for file in ("ccnet.c", "ccnet.h"):
            (folder / file).write_bytes(sources[file])
        (folder / GLUE).write_text(template(GLUE), encoding="utf-8")
        for module, flags in MODULES.items():
            _run([clang, *FLAGS, *flags, *LINKED, "-o", module, "ccnet.c", GLUE], folder)
        return {module: (folder / module).read_bytes() for module in MODULES}


def _run(words: list[str], folder: Path) -> None:
    done = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    if done.returncode:
        raise CcnetError(
            f"{words[0]} failed: {done.stderr.strip()[-2000:]}",
            hint="clang 14 or newer with the target wasm32 is wanted: apt install clang lld",
        )
