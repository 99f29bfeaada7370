"""The native engine: the network's own C library, driven by ctypes.

NOTE: the library is code. It is as trustworthy as the bundle that it came in, like the runtime
beside it; a bundle's hashes are checked before anything is loaded.
"""

from __future__ import annotations

import ctypes
import platform
import re
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.device.backends.archives import open_archive
from ccnet_edge.device.backends.native_build import LIBRARY, RUNNER, SOURCES, built_here
from ccnet_edge.errors import BundleRefusedError, DeviceError, MissingExtraError
from ccnet_edge.spec.artifact import SessionOptions

WEIGHTS = "ccnet.weights"
# Members of a model larger than this are refused unread.
MAX_BYTES = 1 << 30
ALIGN = 64
U8, U16, F32 = 0, 1, 2
# Bands of rows that a library can compute at once (CCNET_MOST_BANDS).
MOST_THREADS = 8
EXPORT = "export it with ccnet-edge export --format native"
LOGITS = 0


class Image(ctypes.Structure):
    """ccnet_image."""

    _fields_ = (
        ("pixels", ctypes.c_void_p),
        ("row_bytes", ctypes.c_size_t),
        ("plane_bytes", ctypes.c_size_t),
        ("height", ctypes.c_int32),
        ("width", ctypes.c_int32),
        ("channels", ctypes.c_int32),
        ("format", ctypes.c_int),
    )


class Output(ctypes.Structure):
    """ccnet_output."""

    _fields_ = (
        ("mask", ctypes.c_void_p),
        ("mask_row_bytes", ctypes.c_size_t),
        ("scores", ctypes.c_void_p),
        ("kind", ctypes.c_int),
        ("on_row", ctypes.c_void_p),
        ("user", ctypes.c_void_p),
    )


class Facts(ctypes.Structure):
    """ccnet_facts."""

    _fields_ = (
        ("height", ctypes.c_int32),
        ("width", ctypes.c_int32),
        ("channels", ctypes.c_int32),
        ("classes", ctypes.c_int32),
        ("outputs", ctypes.c_int32),
        ("arena_bytes", ctypes.c_uint64),
        ("band_bytes", ctypes.c_uint64),
        ("stream_arena_bytes", ctypes.c_uint64),
        ("weights_bytes", ctypes.c_uint64),
        ("weight_bits", ctypes.c_int32),
        ("image_height", ctypes.c_int32),
        ("image_width", ctypes.c_int32),
    )


JOB = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int32)
PARALLEL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, JOB, ctypes.c_void_p, ctypes.c_int32)


class NativeSession:
    """A network in its own library; one context in one arena, as large as its threads need."""

    def __init__(self, library: Path, weights: bytes, *, threads: int = 1) -> None:
        self._library = _load(library)
        self.facts: Facts = self._library.ccnet_describe().contents
        self.shape = (1, self.facts.channels, self.facts.height, self.facts.width)
        self._threads = min(threads, MOST_THREADS)
        self._pool = ThreadPoolExecutor(self._threads) if self._threads > 1 else None
        self._parallel = PARALLEL(self._run_bands)
        size = self.facts.arena_bytes + (self._threads - 1) * self.facts.band_bytes
        self._arena = aligned(size)
        self._weights = aligned(len(weights))
        self._weights[:] = np.frombuffer(weights, np.uint8)
        self._net = ctypes.c_void_p()
        status = self._library.ccnet_open(
            ctypes.byref(self._net),
            self._arena.ctypes.data,
            self._arena.nbytes,
            self._weights.ctypes.data,
            self._weights.nbytes,
        )
        if status:
            raise BundleRefusedError(
                f"{WEIGHTS}: {self._text(status)}",
                hint="the model's parts are not of one build; export it again",
            )

    def run(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits [1, outputs, H, W] float32.

        Raises:
            DeviceError: the engine refuses the input, by shape or type.
        """
        if x.ndim != 4 or x.shape[0] != 1 or x.dtype != np.float32:
            raise DeviceError(
                f"the native engine wants an input [1, C, H, W] of float32, "
                f"found {list(x.shape)} of {x.dtype}"
            )
        planes = np.ascontiguousarray(x)
        _, channels, height, width = planes.shape
        facts = self.facts
        logits = np.empty((1, facts.outputs, facts.height, facts.width), np.float32)
        image = Image(planes.ctypes.data, 0, 0, height, width, channels, F32)
        output = Output(None, 0, logits.ctypes.data, LOGITS, None, None)
        self._segment(image, output)
        return logits

    def segment_pixels(self, pixels: NDArray[Any]) -> NDArray[np.uint8]:
        """The class of every pixel, [H, W] uint8; the library normalises the image itself.

        Args:
            pixels: [H, W, C] uint8 or uint16 of the network's size.

        Raises:
            DeviceError: the engine refuses the image.
        """
        dense = np.ascontiguousarray(pixels)
        height, width, channels = dense.shape
        mask = np.empty((self.facts.height, self.facts.width), np.uint8)
        kind = U8 if dense.dtype == np.uint8 else U16
        image = Image(dense.ctypes.data, 0, 0, height, width, channels, kind)
        self._segment(image, Output(mask.ctypes.data, 0, None, LOGITS, None, None))
        return mask

    def use(self, machine: str) -> None:
        """Kernels of one instruction set ("avx2", …) in place of the best.

        Raises:
            DeviceError: this machine, or this library, does not have it.
        """
        status = self._library.ccnet_use(self._net, machine.encode())
        if status:
            raise DeviceError(f"{machine}: {self._text(status)}")

    def close(self) -> None:
        """Give the arena back; the library stays with the process, as libraries do."""
        if self._pool is not None:
            self._pool.shutdown()
        self._arena = self._weights = np.empty(0, np.uint8)

    def _segment(self, image: Image, output: Output) -> None:
        if not self._arena.size:
            raise DeviceError("the native engine's session was closed")
        status = self._library.ccnet_segment_bands(
            self._net,
            ctypes.byref(image),
            ctypes.byref(output),
            self._threads,
            self._parallel,
            None,
        )
        if status:
            raise DeviceError(
                f"the native engine refused an image [{image.channels}, {image.height}, "
                f"{image.width}]: {self._text(status)}"
            )

    def _run_bands(self, _user: Any, job: Any, arg: int, count: int) -> None:
        """Foreign calls let go of the interpreter, so the bands run at the same time."""
        if self._pool is None:
            for index in range(count):
                job(arg, index)
        else:
            list(self._pool.map(lambda index: job(arg, index), range(count)))

    def _text(self, status: int) -> str:
        text: bytes = self._library.ccnet_text(status)
        return text.decode()


def open_native(model: Path | bytes, options: SessionOptions) -> NativeSession:
    """The network in a model file of format `native`; see `backends.open_session`."""
    with unpacked(model, (LIBRARY,)) as (folder, weights):
        return NativeSession(folder / LIBRARY, weights, threads=options.threads)


def run_program(
    model: Path | bytes,
    options: SessionOptions,
    *,
    shape: Sequence[int],
    inferences: int,
    rows: bool = False,
) -> tuple[int, int]:
    """Run the model's own program on an image of noise.

    Args:
        model: a file that `open_native` takes, or its content.
        options: `threads` is used.
        shape: of the input, [1, C, H, W].
        inferences: how many.
        rows: read the image's file row by row, on one thread, and never hold it whole.

    Returns:
        The process's peak resident memory, and the part of it that is the network's: arena,
        weights, image and mask; both in bytes.

    Raises:
        DeviceError: it failed, or this system does not say how much memory it had.
    """
    _, channels, height, width = shape
    threads = min(options.threads, MOST_THREADS)
    with program(model, options, shape=shape, inferences=inferences, rows=rows) as (words, folder):
        facts = _load(folder / LIBRARY).ccnet_describe().contents
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    peak = program_peak(done.stdout)
    if done.returncode or peak is None:
        raise DeviceError(f"{RUNNER} ended with {done.returncode}: {done.stderr.strip()}")
    if rows:
        arena, image = facts.stream_arena_bytes, width * channels
    else:
        arena = facts.arena_bytes + (threads - 1) * facts.band_bytes
        image = height * width * channels
    network = arena + facts.weights_bytes + image + height * width
    return peak, network


@contextmanager
def program(
    model: Path | bytes,
    options: SessionOptions,
    *,
    shape: Sequence[int],
    inferences: int,
    rows: bool = False,
) -> Iterator[tuple[list[str], Path]]:
    """The command of `run_program`, and the folder to run it in; both go at the end."""
    channels, threads = shape[1], min(options.threads, MOST_THREADS)
    with unpacked(model, (LIBRARY, RUNNER)) as (folder, weights):
        facts = _load(folder / LIBRARY).ccnet_describe().contents
        size = (facts.image_height, facts.image_width, channels)
        pixels = np.random.default_rng(0).integers(0, 256, size, np.uint8)
        head = f"P7\nWIDTH {size[1]}\nHEIGHT {size[0]}\nDEPTH {channels}\nMAXVAL 255\nENDHDR\n"
        (folder / WEIGHTS).write_bytes(weights)
        (folder / "image.pam").write_bytes(head.encode() + pixels.tobytes())
        words = [f"./{RUNNER}", WEIGHTS, "image.pam", "mask.pgm", "--memory"]
        words += ["--rows"] if rows else []
        words += ["--threads", str(threads), "--bench", str(max(0, inferences - 1))]
        yield words, folder


def program_peak(output: str) -> int | None:
    """The peak resident memory in bytes that the program printed; None where it did not."""
    peak = re.search(r"^VmHWM:\s*(\d+) kB", output, re.MULTILINE)
    return int(peak[1]) * 1024 if peak else None


@contextmanager
def unpacked(model: Path | bytes, wanted: tuple[str, ...]) -> Iterator[tuple[Path, bytes]]:
    """This machine's binaries of a model file in a folder of their own, and its weights.

    Raises:
        BundleRefusedError: no such file, or nothing for this machine and no compiler here.
    """
    with tempfile.TemporaryDirectory(prefix="ccnet-edge-") as name:
        folder = Path(name)
        with open_archive(model, engine="the native engine", hint=EXPORT) as archive:
            members = {entry.filename: entry for entry in archive.infolist()}
            binaries = _binaries(archive, members)
            weights = _member(archive, members, WEIGHTS)
        for file in wanted:
            (folder / file).write_bytes(binaries[file])
            (folder / file).chmod(0o700)
        yield folder, weights


def _binaries(archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo]) -> dict[str, bytes]:
    """Library and runner for this machine: as they are in the model, or built from its source."""
    places = {file: f"bin/{platform.machine()}/{file}" for file in (LIBRARY, RUNNER)}
    if places[LIBRARY] in members:
        return {file: _member(archive, members, place) for file, place in places.items()}
    try:
        return built_here({file: _member(archive, members, file) for file in SOURCES})
    except MissingExtraError as error:
        raise BundleRefusedError(
            f"the model was built for {_machines(members)}, this is {platform.machine()}, and "
            f"{error.message}",
            hint=f"{error.hint}, or build for a target that is {platform.machine()}",
        ) from error


def aligned(size: int) -> NDArray[np.uint8]:
    """Zeroed memory that begins at a multiple of `ALIGN` bytes."""
    memory = np.zeros(size + ALIGN, np.uint8)
    first = -memory.ctypes.data % ALIGN
    return memory[first : first + size]


def _member(archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], name: str) -> bytes:
    if name not in members:
        raise BundleRefusedError(
            f"the model's {name} is missing",
            hint=EXPORT,
        )
    entry = members[name]
    if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > MAX_BYTES:
        raise BundleRefusedError(f"the model's {entry.filename} is compressed or too large")
    return archive.read(entry)


def _machines(members: Mapping[str, zipfile.ZipInfo]) -> str:
    found = sorted({name.split("/")[1] for name in members if name.startswith("bin/")})
    return ", ".join(found) or "no machine"


def _load(path: Path) -> Any:
    try:
        library = ctypes.CDLL(str(path))
        library.ccnet_describe.restype = ctypes.POINTER(Facts)
        library.ccnet_text.restype = ctypes.c_char_p
        library.ccnet_machine.restype = ctypes.c_char_p
        size, pointer = ctypes.c_size_t, ctypes.c_void_p
        library.ccnet_open.argtypes = (pointer, pointer, size, pointer, size)
        library.ccnet_use.argtypes = (pointer, ctypes.c_char_p)
        library.ccnet_segment_bands.argtypes = (
            pointer, pointer, pointer, ctypes.c_int32, PARALLEL, pointer,
        )  # fmt: skip
    except (OSError, AttributeError) as error:
        raise BundleRefusedError(
            f"{path.name}: the library could not be loaded: {error}"
        ) from error
    return library
