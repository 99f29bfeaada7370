"""The C interface as it is, by ctypes: every argument can be wrong."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import POINTER, byref, c_char_p, c_int, c_int32, c_size_t, c_void_p
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.device.backends.native_abi import F32, U8, U16, Facts, Image, Output, aligned

ROW = ctypes.CFUNCTYPE(None, c_void_p, c_int32, POINTER(ctypes.c_uint8))
FORMATS = {np.dtype(np.uint8): U8, np.dtype(np.uint16): U16, np.dtype(np.float32): F32}


class Status(IntEnum):
    """ccnet_status."""

    OK = 0
    NULL = 1
    ARENA_SMALL = 2
    ARENA_ALIGN = 3
    WEIGHTS_ALIGN = 4
    WEIGHTS_SIZE = 5
    WEIGHTS_KIND = 6
    WEIGHTS_DAMAGED = 7
    SIZE = 8
    CHANNELS = 9
    FORMAT = 10
    STRIDE = 11
    ORDER = 12
    BANDS = 13


@dataclass
class Library:
    """A network's library."""

    path: Path
    c: Any = field(init=False)

    def __post_init__(self) -> None:
        self.c = ctypes.CDLL(str(self.path))
        self.c.ccnet_describe.restype = POINTER(Facts)
        self.c.ccnet_text.restype = self.c.ccnet_machine.restype = c_char_p
        self.c.ccnet_open.argtypes = (c_void_p, c_void_p, c_size_t, c_void_p, c_size_t)
        self.c.ccnet_use.argtypes = (c_void_p, c_char_p)
        self.c.ccnet_segment.argtypes = (c_void_p, c_void_p, c_void_p)
        self.c.ccnet_segment_bands.argtypes = (*[c_void_p] * 3, c_int32, c_void_p, c_void_p)
        self.c.ccnet_begin.argtypes = (c_void_p, c_int, c_void_p)
        self.c.ccnet_feed.argtypes = (c_void_p, c_void_p, c_void_p)

    @property
    def facts(self) -> Facts:
        facts: Facts = self.c.ccnet_describe().contents
        return facts

    def text(self, status: int) -> str:
        text: bytes = self.c.ccnet_text(status)
        return text.decode()

    def open(self, weights: bytes, *, arena_bytes: int | None = None) -> Context:
        """A context that has to open, in an arena of its own."""
        size = self.facts.arena_bytes if arena_bytes is None else arena_bytes
        context = Context(self, aligned(size), aligned(len(weights)))
        context.weights[:] = np.frombuffer(weights, np.uint8)
        assert context.open() == Status.OK
        return context


@dataclass
class Context:
    """A context, and the memory that it was given."""

    library: Library
    arena: NDArray[np.uint8]
    weights: NDArray[np.uint8]
    net: c_void_p = field(default_factory=c_void_p)

    def open(self) -> Status:
        """Open it, again perhaps."""
        arena, weights = self.arena, self.weights
        return Status(
            self.library.c.ccnet_open(
                byref(self.net),
                arena.ctypes.data,
                arena.nbytes,
                weights.ctypes.data,
                weights.nbytes,
            )
        )

    def use(self, machine: str) -> Status:
        return Status(self.library.c.ccnet_use(self.net, machine.encode()))

    def segment(self, image: Image, output: Output) -> Status:
        return Status(self.library.c.ccnet_segment(self.net, byref(image), byref(output)))

    def bands(self, image: Image, output: Output, count: int) -> Status:
        return Status(
            self.library.c.ccnet_segment_bands(
                self.net, byref(image), byref(output), count, None, None
            )
        )

    def begin(self, kind: int, output: Output) -> Status:
        return Status(self.library.c.ccnet_begin(self.net, kind, byref(output)))

    def feed(self, row: NDArray[Any]) -> tuple[Status, int]:
        """How many rows of the mask are ready, too."""
        ready = c_int32(-1)
        status = self.library.c.ccnet_feed(self.net, row.ctypes.data, byref(ready))
        return Status(status), ready.value


def image_of(pixels: NDArray[Any]) -> Image:
    """Dense pixels: [H, W, C] of uint8 or uint16, or [C, H, W] of float32."""
    assert pixels.flags.c_contiguous
    kind = FORMATS[pixels.dtype]
    height, width, channels = pixels.shape
    if kind == F32:
        channels, height, width = pixels.shape
    image = Image(pixels.ctypes.data, 0, 0, height, width, channels, kind)
    image.pixels_live_as_long = pixels
    return image


def output_of(
    mask: NDArray[np.uint8] | None = None,
    scores: NDArray[np.float32] | None = None,
    *,
    kind: int = 0,
    on_row: Callable[[int, NDArray[np.uint8]], None] | None = None,
) -> Output:
    """Where results go."""
    output = Output(
        None if mask is None else mask.ctypes.data,
        0 if mask is None else mask.strides[0],
        None if scores is None else scores.ctypes.data,
        kind,
        None,
        None,
    )
    if on_row is not None:
        output.callback = _callback(on_row, mask)  # lives as long as the output
        output.on_row = ctypes.cast(output.callback, c_void_p)
    return output


def _callback(on_row: Callable[[int, NDArray[np.uint8]], None], mask: Any) -> Any:
    def call(_user: int, row: int, values: Any) -> None:
        on_row(row, np.ctypeslib.as_array(values, (mask.shape[1],)).copy())

    return ROW(call)
