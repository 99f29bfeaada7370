"""The native engine's C interface as ctypes sees it: ccnet.h's structures and functions."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.errors import BundleRefusedError

ALIGN = 64
# ccnet_format and ccnet_scores.
U8, U16, F32 = 0, 1, 2
LOGITS = 0
# Bands of rows that a library can compute at once (CCNET_MOST_BANDS).
MOST_THREADS = 8


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


def load_library(path: Path) -> Any:
    """The library at `path`, its functions typed.

    Raises:
        BundleRefusedError: it is none, or lacks one of them.
    """
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


def aligned(size: int) -> NDArray[np.uint8]:
    """Zeroed memory that begins at a multiple of `ALIGN` bytes."""
    memory = np.zeros(size + ALIGN, np.uint8)
    first = -memory.ctypes.data % ALIGN
    return memory[first : first + size]
