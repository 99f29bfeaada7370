"""C source → library and runner, and where there is no library for this machine, here and now.

A model of the native engine holds its source beside what was built for the target. On another
machine, such as the one that builds bundles, the source is compiled once and kept in the user's
cache, under the hash of source and compiler.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ccnet_edge.errors import CcnetError, MissingExtraError

LIBRARY, RUNNER = "libccnet.so", "ccnet-run"
SOURCES = ("ccnet.c", "ccnet.h", "picture.h", "runner.c")
# NOTE: contraction has to be asked for: ISO C modes switch fused multiply-adds off.
FLAGS = ("-std=gnu11", "-O3", "-ffp-contract=fast", "-Wall", "-Wextra")
# Small files: no symbols, no build's name, and pages of 4 kB where linkers would allow for 64.
LINKED = ("-s", "-Wl,--build-id=none", "-Wl,-z,max-page-size=4096")
MACHINE_FLAGS = {"armv7l": ("-mfpu=neon", "-mfloat-abi=hard")}
TIMEOUT_S = 600
CACHE = "CCNET_EDGE_CACHE"


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


def compiler_here() -> Compiler:
    """This machine's compiler: $CC, cc, gcc or clang.

    Raises:
        MissingExtraError: there is none.
    """
    for command in (os.environ.get("CC", ""), "cc", "gcc", "clang"):
        if command and shutil.which(command):
            return Compiler(command=command, machine=platform.machine())
    raise MissingExtraError(
        "the native engine needs a C compiler (cc, gcc or clang), none was found",
        hint="apt install gcc",
    )


def build_binaries(sources: Mapping[str, bytes], compiler: Compiler) -> dict[str, bytes]:
    """The shared library and the runner, stripped; equal sources and compiler give equal bytes.

    Raises:
        CcnetError: the compiler failed.
    """
    with tempfile.TemporaryDirectory(prefix="ccnet-edge-") as name:
        folder = Path(name)
        for file in SOURCES:
            (folder / file).write_bytes(sources[file])
        compiler.run("-fPIC", "-shared", *LINKED, "-o", LIBRARY, "ccnet.c", cwd=folder)
        origin = ("-Wl,-rpath,$ORIGIN", "-pthread")
        compiler.run(*LINKED, "-o", RUNNER, "runner.c", LIBRARY, *origin, cwd=folder)
        return {file: (folder / file).read_bytes() for file in (LIBRARY, RUNNER)}


def build_static(sources: Mapping[str, bytes], compiler: Compiler) -> bytes:
    """The runner alone, with all that it needs in it: for a system with another C library.

    Raises:
        CcnetError: the compiler failed.
    """
    with tempfile.TemporaryDirectory(prefix="ccnet-edge-") as name:
        folder = Path(name)
        for file in SOURCES:
            (folder / file).write_bytes(sources[file])
        files = ("runner.c", "ccnet.c", "-pthread")
        compiler.run("-static", *LINKED, "-o", RUNNER, *files, cwd=folder)
        return (folder / RUNNER).read_bytes()


def built_here(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same for this machine, compiled once.

    Raises:
        MissingExtraError: no compiler.
        CcnetError: the compiler failed.
    """
    compiler = compiler_here()
    named = hashlib.sha256(repr((compiler.command, compiler.flags, LINKED)).encode())
    for file in SOURCES:
        named.update(sources[file])
    folder = _cache() / named.hexdigest()[:32]
    if not (folder / RUNNER).is_file():
        _keep(folder, build_binaries(sources, compiler))
    return {file: (folder / file).read_bytes() for file in (LIBRARY, RUNNER)}


def _keep(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write aside, then rename: two processes may build the same at once."""
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        for name, content in files.items():
            (aside / name).write_bytes(content)
        if not folder.exists():
            aside.rename(folder)
    except OSError:
        if not folder.exists():
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _cache() -> Path:
    """$CCNET_EDGE_CACHE, else in the user's cache folder."""
    if os.environ.get(CACHE):
        return Path(os.environ[CACHE])
    return (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ccnet-edge" / "native"
    )
