"""The machine and the versions that a measurement is made on and with."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import ccnet_edge
from ccnet_edge import __version__
from ccnet_edge.spec.report import Environment

# What the device wing runs on; distribution names.
RUNTIME = ("numpy", "Pillow", "onnxruntime")
# Engines in an environment of their own, named by the process that measures there.
ENGINES = ("ai-edge-litert", "executorch", "ncnn")
# What only a build machine or another engine has: named where the process has imported it,
# module → distribution.
BUILD = {"onnx": "onnx", "openvino": "openvino", "torch": "torch"}


def environment() -> Environment:
    """This machine, this Python and the libraries that results depend on."""
    imported = (name for module, name in BUILD.items() if module in sys.modules)
    return Environment(
        machine=platform.machine(),
        processor=_processor(),
        cores=_cores(),
        memory_bytes=_memory_bytes(),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        versions=installed_versions((*RUNTIME, *ENGINES, *imported)),
    )


def device_command() -> list[str]:
    """The command that starts the device wing afresh, from a .pyz or from an installation."""
    package = Path(ccnet_edge.__file__).parent
    if package.parent.is_file():
        return [sys.executable, str(package.parent)]
    return [sys.executable, "-m", "ccnet_edge.device"]


def installed_versions(names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """(distribution, version) of ccnet-edge and of those of `names` that are installed."""
    found = [("ccnet-edge", __version__)]
    for name in sorted(names, key=str.lower):
        try:
            found.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue
    return tuple(found)


def _processor() -> str:
    """The processor's or board's own name: x86 has it in cpuinfo, Arm in the device tree."""
    return (
        _cpuinfo("model name")
        or _text(Path("/proc/device-tree/model"))
        or _cpuinfo("Hardware")
        or _arm_part()
        or platform.processor()
        or "unknown"
    )


def _arm_part() -> str:
    """What Arm machines without a device tree say of themselves, by Arm's numbers."""
    part = _cpuinfo("CPU part")
    return f"Arm implementer {_cpuinfo('CPU implementer')} part {part}" if part else ""


def _cpuinfo(key: str) -> str:
    for line in _text(Path("/proc/cpuinfo")).splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0\n ")
    except OSError:
        return ""


def _cores() -> int:
    """Cores that this process may use, which in a container are fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory_bytes() -> int:
    """Memory of the machine; 0 where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 0
