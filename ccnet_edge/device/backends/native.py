"""The native engine: the network's own C library, driven by ctypes.

NOTE: the library is code. It is as trustworthy as the bundle that it came in, like the runtime
beside it; a bundle's hashes are checked before anything is loaded.
"""

from __future__ import annotations

import ctypes
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.device.backends.native_abi import (
    F32,
    LOGITS,
    MOST_THREADS,
    PARALLEL,
    U8,
    U16,
    Facts,
    Image,
    Output,
    aligned,
    load_library,
)
from ccnet_edge.device.backends.native_build import LIBRARY
from ccnet_edge.device.backends.native_file import WEIGHTS, unpacked
from ccnet_edge.errors import BundleRefusedError, DeviceError
from ccnet_edge.spec.artifact import SessionOptions


class NativeSession:
    """A network in its own library; one context in one arena, as large as its threads need."""

    def __init__(self, library: Path, weights: bytes, *, threads: int = 1) -> None:
        self._library = load_library(library)
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
