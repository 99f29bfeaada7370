"""What is on this machine: Python, packages, compilers, environments, programs, limits, disk."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

from ccnet_edge.device.cgroup import memory_group
from ccnet_edge.doctor.environments import check_environments
from ccnet_edge.errors import InvalidMeasurementError, MissingExtraError
from ccnet_edge.isolated.environments import cache_folder
from ccnet_edge.native.toolchain import CROSS, find_compiler
from ccnet_edge.native.wasm import find_clang
from ccnet_edge.spec.doctor import Finding
from ccnet_edge.units import format_bytes

OLDEST = (3, 11)
# Requirements of the project's own developers say nothing about what works.
NOT_SHOWN = "dev"
REQUIREMENT = re.compile(r"^([\w.-]+)(?:\[[^]]*\])?[^;]*(?:;\s*extra\s*==\s*['\"](\w+)['\"])?")
# Name → programs (one is enough), what it is for, and how it is installed.
PROGRAMS = {
    "ssh": (("ssh",), "devices over ssh", "apt install openssh-client"),
    "adb": (("adb",), "devices over adb", "apt install adb"),
    "qemu": (
        ("qemu-aarch64-static", "qemu-aarch64"),
        "Arm programs on this machine",
        "apt install qemu-user-static",
    ),
    "skopeo": (("skopeo",), "OCI images", "apt install skopeo"),
    "umoci": (("umoci",), "OCI images, unpacked", "apt install umoci"),
    "trtexec": (
        ("trtexec",),
        "TensorRT engines built here; devices build their own",
        "apt install tensorrt (from NVIDIA's repository)",
    ),
}
VERSION_TIMEOUT_S = 10
# A group as large as any bundle's budget shows whether one can be made.
GROUP_BYTES = 1 << 30
# Less than this stops builds and environments.
LEAST_BYTES = 5 * 10**9


def _python() -> Iterator[Finding]:
    found = sys.version_info >= OLDEST
    wanted = "" if found else f"; {'.'.join(map(str, OLDEST))} or newer is wanted"
    yield Finding(
        name=platform.python_version(),
        found=found,
        detail=f"{sys.executable}{wanted}",
        hint="" if found else "install Python 3.11 or newer",
    )


def _packages() -> Iterator[Finding]:
    """What the distribution says that it needs, by extra."""
    for requirement in metadata.requires("ccnet-edge") or ():
        match = REQUIREMENT.match(requirement)
        assert match is not None
        name, extra = match.groups()
        if extra == NOT_SHOWN:
            continue
        wanted = f"ccnet-edge[{extra}]" if extra else "ccnet-edge"
        try:
            yield Finding(name=name, found=True, detail=metadata.version(name))
        except metadata.PackageNotFoundError:
            hint = f"pip install '{wanted}'"
            yield Finding(name=name, found=False, detail="not installed", hint=hint)


def _compilers() -> Iterator[Finding]:
    for machine in sorted({*CROSS, platform.machine()}):
        yield _compiler(machine, lambda each: find_compiler(each).command)
    yield _compiler("wasm", lambda _: find_clang())


def _compiler(name: str, find: Callable[[str], str]) -> Finding:
    try:
        return Finding(name=name, found=True, detail=_version(find(name)))
    except MissingExtraError as error:
        return Finding(name=name, found=False, detail=error.message, hint=error.hint)


def _programs() -> Iterator[Finding]:
    for name, (commands, purpose, hint) in PROGRAMS.items():
        path = next(filter(None, map(shutil.which, commands)), None)
        found = path is not None
        detail = f"{path}: {purpose}" if found else f"not installed: {purpose}"
        yield Finding(name=name, found=found, detail=detail, hint="" if found else hint)


def _limits() -> Iterator[Finding]:
    try:
        with memory_group(GROUP_BYTES) as group:
            detail = f"cgroup {group.version}: RAM budgets can be proven here"
            yield Finding(name="memory limits", found=True, detail=detail)
    except InvalidMeasurementError as error:
        hint = error.hint or "run as root, or in a container that may make control groups"
        yield Finding(name="memory limits", found=False, detail=error.message, hint=hint)
    for folder in dict.fromkeys((Path.cwd(), _existing(cache_folder()))):
        free = shutil.disk_usage(folder).free
        yield Finding(
            name="disk",
            found=free >= LEAST_BYTES,
            detail=f"{format_bytes(free)} free at {folder}",
            hint="" if free >= LEAST_BYTES else "make room",
        )


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.is_dir())


def _version(command: str) -> str:
    """The first line of what `command --version` says."""
    try:
        done = subprocess.run(
            [command, "--version"],
            capture_output=True,
            text=True,
            timeout=VERSION_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{command}, which does not say its version: {error}"
    return (done.stdout.strip() or done.stderr.strip() or command).splitlines()[0]


# Title → what is looked at.
SECTIONS: dict[str, Callable[[], Iterator[Finding]]] = {
    "Python": _python,
    "packages": _packages,
    "C compilers": _compilers,
    "isolated environments": check_environments,
    "programs": _programs,
    "this machine": _limits,
}
