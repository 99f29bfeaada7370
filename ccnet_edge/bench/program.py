"""The native engine's own program on a device that has only a shell: no Python is needed there.

What the device wing prints elsewhere is put together here, from what the program prints there.
"""

from __future__ import annotations

import re
import shlex
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ccnet_edge import __version__
from ccnet_edge.bench.failures import NOT_EXECUTABLE, NOT_FOUND, device_failure
from ccnet_edge.device.backends.native_abi import MOST_THREADS
from ccnet_edge.device.backends.native_build import LIBRARY, RUNNER, build_static
from ccnet_edge.device.backends.native_file import WEIGHTS
from ccnet_edge.device.timer import Extent, count_for, report_of
from ccnet_edge.errors import DeviceError
from ccnet_edge.native.toolchain import find_compiler
from ccnet_edge.spec.report import Environment, LatencyReport, MemoryReport

if TYPE_CHECKING:
    from ccnet_edge.bench.facts import Facts
    from ccnet_edge.bench.remote import RemoteHost

HEADER = "ccnet.h"
DEFINED = re.compile(r"^#define (CCNET_\w+) (\d+)$", re.MULTILINE)
BANDS = re.compile(
    r"#define CCNET_ARENA_BYTES_FOR\(bands\) \((\d+) \+ \(size_t\)\(bands\) \* (\d+)"
)
# No such program, though the file is there: its loader or C library is missing.
CANNOT_START = (NOT_FOUND, NOT_EXECUTABLE)
# Inferences that say how many more there is time for.
FEW = 3


@dataclass(frozen=True, kw_only=True)
class Program:
    """The program, its library and weights, as they lie on the device; `sizes` are ccnet.h's."""

    device: RemoteHost
    runner: str
    library: str
    weights: str
    sizes: dict[str, int]
    band_bytes: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the image that it takes, [H, W, C]."""
        names = ("CCNET_IMAGE_HEIGHT", "CCNET_IMAGE_WIDTH", "CCNET_CHANNELS")
        height, width, channels = (self.sizes[name] for name in names)
        return height, width, channels

    def infer(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits [outputs, H, W] of the image's size, for the network's input [1, C, H, W].

        Raises:
            DeviceError: the device or the program failed.
        """
        height, width, _ = self.shape
        words = ("--floats", "--logits", "out/logits")
        with tempfile.TemporaryDirectory(prefix="ccnet-") as folder:
            out = Path(folder) / "out"
            try:
                self.run(x.astype("<f4").tobytes(), *words, out=out)
            except DeviceError as error:
                if "no such option" not in error.message:
                    raise
                raise DeviceError(
                    f"{error.message}: the bundle's program is of an older ccnet-edge",
                    hint="build the bundle again",
                ) from error
            return np.fromfile(out / "logits", "<f4").reshape(-1, height, width)

    def run(self, image: bytes, *words: str, out: Path) -> str:
        """Segment an image as a file has it; what the program prints. `out` gets what it writes.

        Raises:
            DeviceError: the device or the program failed.
        """
        with tempfile.TemporaryDirectory(prefix="ccnet-") as folder:
            picture = Path(folder) / "image"
            picture.write_bytes(image)
            there = self.device.send(picture, once=True)
        wanted = [self.runner, self.weights, there, "out/mask.pgm", *words]
        # The image goes when it was read: boards keep such folders in their memory.
        folder = shlex.quote(str(PurePosixPath(there).parent))
        gone = f"rm -f {shlex.quote(there)}; rmdir {folder} 2>/dev/null"
        started = _started(self.runner, self.library, wanted)
        command = f"mkdir out && ({started}); code=$?; {gone}; exit $code"
        what = f"{RUNNER} on {self.device.name}"
        said = self.device.start(["sh", "-c", command], what=what, out=out)
        if said.code:
            raise device_failure(what, said.code, said.text)
        return said.out.decode(errors="replace")


def open_program(device: RemoteHost, model: Path, *, machine: str) -> Program:
    """Copy what a model of the native engine has for the device.

    Where the device has another C library than the one that it was built for (Android, Alpine,
    busybox alone), the program is built anew from the model's source, with everything in it.

    Args:
        device: has a shell.
        model: a file of format `native`.
        machine: the device's instruction set, as targets call it.

    Raises:
        DeviceError: the model has nothing for such a machine, or the device was not reached.
        MissingExtraError: a compiler for the device is wanted, and there is none.
    """
    with zipfile.ZipFile(model) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    binary = {file: f"bin/{machine}/{file}" for file in (RUNNER, LIBRARY)}
    if binary[RUNNER] not in content:
        raise DeviceError(
            f"{device.name} is {machine} and has no Python; {model.name} holds no program for it",
            hint="build for a target with that instruction set",
        )
    runner = _sent(device, RUNNER, content[binary[RUNNER]])
    library = _sent(device, LIBRARY, content[binary[LIBRARY]])
    if not _starts(device, runner, library):
        runner = _sent(device, RUNNER, build_static(content, find_compiler(machine)))
    header = content[HEADER].decode()
    bands = BANDS.search(header)
    if bands is None:
        raise DeviceError(f"{model}: its {HEADER} does not say how much memory it needs")
    return Program(
        device=device,
        runner=runner,
        library=library,
        weights=_sent(device, WEIGHTS, content[WEIGHTS]),
        sizes={name: int(value) for name, value in DEFINED.findall(header)},
        band_bytes=(int(bands[1]), int(bands[2])),
    )


def _sent(device: RemoteHost, name: str, content: bytes) -> str:
    with tempfile.TemporaryDirectory(prefix="ccnet-") as folder:
        (Path(folder) / name).write_bytes(content)
        return device.send(Path(folder) / name)


def _starts(device: RemoteHost, runner: str, library: str) -> bool:
    """Whether the device can start the program at all; without arguments it says how it is used."""
    what = f"starting {RUNNER} on {device.name}"
    said = device.start(["sh", "-c", _started(runner, library, [runner])], what=what)
    return said.code not in CANNOT_START


def _started(runner: str, library: str, words: Sequence[str]) -> str:
    """A script that becomes the program, which finds its library beside it or by this path."""
    path = shlex.quote(str(PurePosixPath(library).parent))
    return f"chmod 700 {shlex.quote(runner)} && LD_LIBRARY_PATH={path} exec {shlex.join(words)}"


def program_memory(
    program: Program, *, threads: int, inferences: int, environment: Environment
) -> MemoryReport:
    """Peak memory of the program over `inferences`; its base is what is not the network's.

    Raises:
        DeviceError: it failed, or the system does not say how much memory it had.
    """
    threads = min(threads, MOST_THREADS)
    words = ("--memory", "--threads", str(threads), "--bench", str(max(0, inferences - 1)))
    text = _noise_run(program, *words)
    peak = re.search(r"^VmHWM:\s*(\d+) kB", text, re.MULTILINE)
    if peak is None:
        raise DeviceError(f"{program.device.name}: its /proc does not say a process's peak memory")
    context, band = program.band_bytes
    height, width = program.sizes["CCNET_HEIGHT"], program.sizes["CCNET_WIDTH"]
    image = height * width * (program.sizes["CCNET_CHANNELS"] + 1)
    network = context + threads * band + program.sizes["CCNET_WEIGHTS_BYTES"] + image
    peak_bytes = int(peak[1]) * 1024
    return MemoryReport(
        peak_bytes=peak_bytes,
        base_bytes=peak_bytes - network,
        inferences=inferences,
        environment=environment,
    )


def program_latency(
    program: Program, *, threads: int, warm_up: int, extent: Extent, environment: Environment
) -> LatencyReport:
    """Times of the program, by the same rules as those of a session.

    Raises:
        DeviceError: it failed.
    """
    common = ("--threads", str(min(threads, MOST_THREADS)))
    few = _times(_noise_run(program, *common, "--bench", str(FEW)))
    seconds = extent.time_limit_s if extent.duration_s is None else extent.duration_s
    count = extent.samples or count_for(few, seconds)
    if extent.duration_s is not None:
        count = max(count, int(seconds * 1e3 / min(few)))
    text = _noise_run(program, *common, "--times", "--bench", str(warm_up + count))
    start = dict(line.split() for line in text.splitlines() if line[:1].isalpha())
    report = report_of(
        _times(text)[warm_up:],
        load_ms=float(start["load"]),
        first_ms=float(start["first"]),
        warm_up=warm_up,
        extent=extent,
        conditions=None,
    )
    return replace(report, environment=environment)


def device_environment(facts: Facts) -> Environment:
    """The device as measurements name it; it has no Python that took part."""
    return Environment(
        machine=facts.instruction_set,
        processor=facts.board or facts.processor,
        cores=facts.cores,
        memory_bytes=facts.memory_bytes,
        system=facts.system,
        python="none",
        versions=(("ccnet-edge", __version__),),
    )


def pam(image: NDArray[np.uint16] | NDArray[np.uint8]) -> bytes:
    """An image [H, W, C] as PAM, whose 16 bits are big-endian."""
    height, width, channels = image.shape
    maximum = np.iinfo(image.dtype).max
    head = f"P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {channels}\nMAXVAL {maximum}\nENDHDR\n"
    return head.encode() + image.astype(image.dtype.newbyteorder(">")).tobytes()


def _noise_run(program: Program, *words: str) -> str:
    pixels = np.random.default_rng(0).integers(0, 256, program.shape, np.uint8)
    with tempfile.TemporaryDirectory(prefix="ccnet-") as folder:
        return program.run(pam(pixels), *words, out=Path(folder) / "out")


def _times(text: str) -> tuple[float, ...]:
    return tuple(float(line) for line in text.splitlines() if line[:1].isdigit())
