"""Make the engines' environments from their pinned requirements, and build their runners.

    python -m benchmarks.engines.install [--engine NAME …]

About four gigabytes and five minutes for all of them, since two of them convert with torch. The
runners need a compiler for C and C++.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from benchmarks.engines.setups import BUILT, HERE, SETUPS, Runner, python, requirements, runner
from ccnet_edge.isolated import ENVIRONMENTS, find_environment, make_environment

COMPILERS = {
    ".c": ("cc", "-std=gnu11"),
    # The macro is what ExecuTorch's own build defines for its headers.
    ".cpp": ("c++", "-std=c++17", "-DC10_USING_CUSTOM_GENERATED_MACROS"),
}


def install(engine: str) -> None:
    """Make the engine's environment and its runner, anew where they are already."""
    if engine in ENVIRONMENTS:
        make_environment(find_environment(engine))
    elif not SETUPS[engine].shared:
        _make_environment(engine)
    found = SETUPS[engine].runner
    if found:
        build_runner(engine, found)


def build_runner(engine: str, wanted: Runner) -> Path:
    """Compile the engine's program against what its wheel holds."""
    packages = _packages(engine)
    program = runner(engine)
    libraries = list(_linkable(program.with_name("lib"), packages, wanted))
    program.parent.mkdir(parents=True, exist_ok=True)
    source = HERE / "runners" / wanted.source
    subprocess.run(
        [
            *COMPILERS[source.suffix],
            "-O2",
            *(f"-I{packages / folder}" for folder in wanted.includes),
            "-o",
            program,
            source,
            # Backends register themselves: nothing in the program names them.
            "-Wl,--no-as-needed",
            *libraries,
            *(f"-Wl,-rpath,{library.parent}" for library in libraries),
        ],
        check=True,
    )
    return program


def _make_environment(engine: str) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--clear", BUILT / engine], check=True)
    # Without dependencies: the files list all that is needed.
    pip = (python(engine), "-m", "pip", "install", "--quiet", "--no-deps")
    subprocess.run([*pip, "--requirement", requirements(engine)], check=True)


def _packages(engine: str) -> Path:
    """The site-packages of the engine's environment."""
    if SETUPS[engine].shared:
        return Path(sysconfig.get_path("platlib"))
    return Path(sysconfig.get_path("platlib", vars={"platbase": str(python(engine).parents[1])}))


def _linkable(folder: Path, packages: Path, wanted: Runner) -> Iterator[Path]:
    """The libraries; one whose file is not called by its own name gets a link that is.

    ONNX Runtime's wheel holds libonnxruntime.so.1.31.1, and programs look for libonnxruntime.so.1.
    """
    for pattern in wanted.libraries:
        (library,) = packages.glob(pattern)
        stem, _, version = library.name.partition(".so.")
        if version.count(".") < 2:
            yield library
            continue
        link = folder / f"{stem}.so.{version.split('.')[0]}"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(library)
        yield link


def main() -> None:
    """Install the named engines, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", action="append", choices=SETUPS, dest="engines")
    for engine in parser.parse_args().engines or SETUPS:
        print(f"installing {engine}", flush=True)
        install(engine)


if __name__ == "__main__":
    main()
