"""What a device says of itself: asked in its shell, so that it needs nothing but one."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from ccnet_edge.errors import DeviceError

# Distribution → engine of a target's profile, where Python on the device has it.
DISTRIBUTIONS = {
    "ai-edge-litert": "litert",
    "executorch": "executorch",
    "ncnn": "ncnn",
    "numpy": "",
    "onnxruntime": "onnxruntime",
    "onnxruntime-gpu": "onnxruntime",
    "openvino": "openvino",
    "pillow": "",
    "tensorrt": "tensorrt",
}
# What `uname -m` says → what targets call it; an aarch64 kernel may carry a 32-bit system.
MACHINES = {
    "aarch64": "aarch64", "amd64": "x86_64", "arm64": "aarch64", "armv7l": "armv7l",
    "armv8l": "armv7l", "riscv64": "riscv64", "x86_64": "x86_64",
}  # fmt: skip
# Arm's part numbers (MIDR_EL1, implementer 0x41), from its technical reference manuals.
ARM_PARTS = {
    "0xc07": "Cortex-A7", "0xc09": "Cortex-A9", "0xc0f": "Cortex-A15", "0xd01": "Cortex-A32",
    "0xd03": "Cortex-A53", "0xd04": "Cortex-A35", "0xd05": "Cortex-A55", "0xd07": "Cortex-A57",
    "0xd08": "Cortex-A72", "0xd09": "Cortex-A73", "0xd0a": "Cortex-A75", "0xd0b": "Cortex-A76",
    "0xd0c": "Neoverse N1", "0xd0d": "Cortex-A77", "0xd40": "Neoverse V1", "0xd41": "Cortex-A78",
    "0xd42": "Cortex-A78AE", "0xd44": "Cortex-X1", "0xd46": "Cortex-A510", "0xd47": "Cortex-A710",
    "0xd49": "Neoverse N2", "0xd4b": "Cortex-A78C", "0xd4f": "Neoverse V2",
}  # fmt: skip
# The features that kernels of ours or of the engines are chosen by.
FEATURES = (
    "asimd", "asimddp", "asimdhp", "avx", "avx2", "avx512f", "avx512_vnni", "avx_vnni",
    "bf16", "fma", "i8mm", "neon", "sse4_2", "sve", "sve2",
)  # fmt: skip
PACKAGES = (
    "import sys\n"
    "from importlib import metadata\n"
    "print('python=%d.%d' % sys.version_info[:2])\n"
    "for name in sys.argv[1:]:\n"
    "    try: print('package=%s %s' % (name, metadata.version(name)))\n"
    "    except metadata.PackageNotFoundError: pass\n"
)
# `{python}` and `{packages}` are words; every line is `key=value`, absent where it is not known.
ASK = """\
say() {{ [ -z "$2" ] || printf '%s=%s\\n' "$1" "$2"; }}
of() {{ sed -n "s/^$1[[:space:]]*: *//p" /proc/cpuinfo 2>/dev/null; }}
mem() {{ sed -n "s/^$1: *\\([0-9]*\\).*/\\1/p" /proc/meminfo; }}
say machine "$(uname -m)"
say bits "$(getconf LONG_BIT 2>/dev/null)"
say kernel "$(uname -sr)"
say system "$(. /etc/os-release 2>/dev/null; echo "$PRETTY_NAME")"
say android "$(getprop ro.build.version.release 2>/dev/null)"
say board "$(tr -d '\\000' 2>/dev/null < /proc/device-tree/model || getprop ro.product.model \
2>/dev/null)"
# nproc alone would say what OMP_NUM_THREADS says.
say cores "$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc 2>/dev/null || \
getconf _NPROCESSORS_ONLN || of processor | wc -l)"
say name "$(of 'model name' | head -n 1)"
of 'CPU part' | while read -r part; do say part "$part"; done
say features "$( (of flags; of Features) | head -n 1)"
say khz "$(cat /sys/devices/system/cpu/cpu*/cpufreq/cpuinfo_max_freq 2>/dev/null | sort -n | \
tail -n 1)"
say memory_kb "$(mem MemTotal)"
say available_kb "$(mem MemAvailable)"
say disk_kb "$(df -Pk {folder} | sed -n '2s/^[^ ]* *[0-9]* *[0-9]* *\\([0-9]*\\).*/\\1/p')"
say jetson "$(head -n 1 /etc/nv_tegra_release 2>/dev/null)"
say tensorrt "$(dpkg-query -W -f '${{Version}}\\n' 'libnvinfer[0-9]*' 2>/dev/null | head -n 1)"
say gpu "$(nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null | head -n 1)"
{python} -c {packages} {distributions} 2>/dev/null
true
"""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A device by its own account; texts are empty and numbers None where it does not say.

    `engines` are those whose Python packages, or TensorRT's libraries, are installed.
    """

    instruction_set: str
    board: str
    processor: str
    cores: int
    features: tuple[str, ...]
    system: str
    memory_bytes: int
    available_bytes: int | None
    disk_bytes: int | None
    gpu: str
    python: str
    packages: tuple[tuple[str, str], ...]
    tensorrt: str

    @property
    def engines(self) -> tuple[str, ...]:
        """See the class."""
        found = [engine for name, _ in self.packages if (engine := DISTRIBUTIONS[name])]
        return tuple(dict.fromkeys((*(["tensorrt"] if self.tensorrt else []), *found)))


def instruction_set(machine: str, bits: str) -> str:
    """What targets call the instruction set of a system, or its own word where they know none.

    Args:
        machine: what `uname -m` says.
        bits: what `getconf LONG_BIT` says, empty where there is no such command.
    """
    known = MACHINES.get(machine, machine)
    return "armv7l" if known == "aarch64" and bits == "32" else known


def read_facts(text: str, *, where: str) -> Facts:
    """The facts in what `ASK` printed.

    Args:
        text: lines of `key=value`.
        where: the device's name, for messages.

    Raises:
        DeviceError: a device of an instruction set that targets do not know, or one without /proc.
    """
    lines = [line.partition("=") for line in text.splitlines()]
    said = {key: value.strip() for key, _, value in reversed(lines)}
    machine = instruction_set(said.get("machine", ""), said.get("bits", ""))
    if machine not in MACHINES.values() or not said.get("memory_kb", "").isdigit():
        raise DeviceError(
            f"{where}: a Linux device of {', '.join(sorted(set(MACHINES.values())))} was wanted, "
            f"found {said.get('machine', 'nothing')} with {said.get('kernel', 'no kernel')}",
            hint="copy a profile that comes near (`ccnet-edge targets list`) and change it",
        )
    features = said.get("features", "").split()
    packages = [value.split() for key, _, value in lines if key == "package"]
    return Facts(
        instruction_set=machine,
        board=said.get("board", ""),
        processor=_processor(said, [value for key, _, value in lines if key == "part"]),
        cores=int(said.get("cores", "1")),
        features=tuple(name for name in FEATURES if name in features),
        system=_system(said),
        memory_bytes=int(said["memory_kb"]) * 1024,
        available_bytes=_kib(said.get("available_kb", "")),
        disk_bytes=_kib(said.get("disk_kb", "")),
        gpu=said.get("gpu", "") or ("Jetson's" if "jetson" in said else ""),
        python=said.get("python", ""),
        packages=tuple((name, version) for name, version in packages),
        tensorrt=re.split(r"[-+]", said.get("tensorrt", ""))[0],
    )


def _processor(said: dict[str, str], parts: list[str]) -> str:
    """Counts and names of cores, with the fastest clock: `4 x Arm Cortex-A72 at 1.8 GHz`."""
    counted = Counter(ARM_PARTS.get(part, f"part {part}") for part in parts)
    named = " + ".join(f"{count} x Arm {name}" for name, count in sorted(counted.items()))
    clock = f" at {int(said['khz']) / 1e6:.2g} GHz" if said.get("khz", "").isdigit() else ""
    if named:
        return named + clock
    name = said.get("name", "")
    return f"{said.get('cores', '1')} x {name or 'unknown processor'}" + (
        clock if "GHz" not in name else ""
    )


def _system(said: dict[str, str]) -> str:
    android = f"Android {said['android']}" if "android" in said else ""
    parts = (android or said.get("system", ""), said.get("kernel", ""), said.get("jetson", ""))
    return ", ".join(part.strip("# ") for part in parts if part)


def _kib(text: str) -> int | None:
    return int(text) * 1024 if text.isdigit() else None
