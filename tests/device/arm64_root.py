"""An aarch64 Linux in a folder: Python and the wing's three packages, for an emulator to run.

Debian's packages of the other architecture are downloaded and unpacked, not installed; wheels
come from the package index. `python -m tests.device.arm64_root` makes it by hand and says where.
It is made once, in the user's cache, and by its name it is known what is in it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

DEBIAN = (
    "libbz2-1.0", "libc6", "libcrypt1", "libexpat1", "libffi8", "libgcc-s1", "libgomp1",
    "liblzma5", "libncursesw6", "libpython3.11-minimal", "libpython3.11-stdlib", "libreadline8",
    "libsqlite3-0", "libssl3", "libstdc++6", "libtinfo6", "libuuid1", "python3.11-minimal",
    "zlib1g",
)  # fmt: skip
# In the versions that this repository is tested with.
CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"
WHEELS = tuple(
    line
    for line in CONSTRAINTS.read_text().splitlines()
    if line.partition("==")[0] in ("numpy", "onnxruntime", "pillow")
)
PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux2014_aarch64")
# ONNX Runtime reads it to know the processor, and would take this machine's for it.
CPUINFO = """\
processor\t: 0
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: {part}
CPU revision\t: 3

"""
# Emulated processors → Arm's part numbers.
PROCESSORS = {"cortex-a53": "0xd03", "cortex-a72": "0xd08"}
EMULATORS = ("qemu-aarch64-static", "qemu-aarch64")
TIMEOUT_S = 600


class MissingError(Exception):
    """What the root is made of cannot be had here; the message says what and why."""


@dataclass(frozen=True, kw_only=True)
class Arm64:
    """A root and the emulator that runs programs in it."""

    root: Path
    emulator: str

    def python(self, processor: str) -> list[str]:
        """The command that starts Python on an emulated processor, such as `cortex-a72`."""
        root = self.root / processor
        return [self.emulator, "-cpu", processor, "-L", str(root), str(root / "usr/bin/python3.11")]

    @property
    def packages(self) -> Path:
        """What PYTHONPATH has to be."""
        return self.root / "packages"


def arm64() -> Arm64:
    """The root, made if it is not there.

    Raises:
        MissingError: no emulator, no apt that may be used, or no network.
    """
    emulator = next((found for name in EMULATORS if (found := shutil.which(name))), None)
    if emulator is None:
        raise MissingError("no emulator of aarch64: apt install qemu-user")
    digest = hashlib.sha256(repr((DEBIAN, WHEELS, CPUINFO, PROCESSORS)).encode()).hexdigest()
    root = _cache() / f"arm64-{digest[:16]}"
    root.parent.mkdir(parents=True, exist_ok=True)
    with root.with_suffix(".lock").open("w") as lock:
        # Several test processes want it at once; one makes it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.is_dir():
            _make(root)
    return Arm64(root=root, emulator=emulator)


def _make(root: Path) -> None:
    """Beside its place, and renamed when it is whole."""
    with tempfile.TemporaryDirectory(prefix="arm64-", dir=root.parent) as name:
        aside = Path(name) / "root"
        aside.mkdir()
        first, *others = PROCESSORS
        _debian(aside / first, Path(name))
        for other in others:
            # Only what its kernel says of the processor is another.
            shutil.copytree(aside / first, aside / other, symlinks=True, copy_function=os.link)
        for processor, part in PROCESSORS.items():
            (aside / processor / "proc").mkdir()
            (aside / processor / "proc" / "cpuinfo").write_text(CPUINFO.format(part=part))
        _wheels(aside / "packages", Path(name))
        aside.rename(root)


def _debian(root: Path, work: Path) -> None:
    """Unpack Debian's packages.

    Without touching the system's own lists: apt is given lists and an architecture of its own.
    """
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise MissingError("Debian's apt-get and dpkg-deb are not installed")
    state = work / "apt"
    for folder in ("lists/partial", "archives/partial"):
        (state / folder).mkdir(parents=True)
    (state / "status").write_text("")
    options = [
        *("-o", f"Dir::State::Lists={state}/lists", "-o", f"Dir::Cache={state}"),
        *("-o", f"Dir::State::Status={state}/status", "-o", "APT::Architecture=arm64"),
        *("-o", "APT::Architectures=arm64", "-o", "APT::Sandbox::User="),
    ]
    _run(["apt-get", "-qq", *options, "update"], work, "Debian's lists of arm64 packages")
    debs = work / "debs"
    debs.mkdir()
    _run(["apt-get", "-qq", *options, "download", *DEBIAN], debs, "Debian's arm64 packages")
    root.mkdir()
    for deb in sorted(debs.glob("*.deb")):
        _run(["dpkg-deb", "-x", str(deb), str(root)], work, deb.name)


def _wheels(packages: Path, work: Path) -> None:
    """Unpack the three packages and nothing that they might want beside."""
    wheels = work / "wheels"
    words = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--dest", str(wheels)]
    words += [word for platform in PLATFORMS for word in ("--platform", platform)]
    words += ["--python-version", "3.11", "--implementation", "cp", "--only-binary", ":all:"]
    _run([*words, *WHEELS], work, "wheels for aarch64")
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(packages)


def _run(words: list[str], folder: Path, what: str) -> None:
    done = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    if done.returncode:
        raise MissingError(f"{what} could not be had: {done.stderr.strip()[-300:]}")


def _cache() -> Path:
    chosen = os.environ.get("CCNET_EDGE_CACHE") or os.environ.get("XDG_CACHE_HOME")
    return Path(chosen or Path.home() / ".cache") / "ccnet-edge-tests"


if __name__ == "__main__":
    made = arm64()
    sys.stdout.write(f"{made.root}\n{' '.join(made.python('cortex-a72'))}\n")
