"""Pictures as bytes: the formats that the runner reads, good ones and lying ones."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray


def pnm(pixels: NDArray[Any], *, comment: str = "") -> bytes:
    """PGM or PPM of [H, W, 1 or 3] uint8 or uint16."""
    height, width, channels = pixels.shape
    letter = {1: "P5", 3: "P6"}[channels]
    head = f"{letter}\n{comment}{width} {height}\n{np.iinfo(pixels.dtype).max}\n"
    return head.encode() + pixels.astype(pixels.dtype.newbyteorder(">")).tobytes()


def pam(pixels: NDArray[Any], **other: int | str) -> bytes:
    """PAM of [H, W, C] uint8 or uint16; `other` are lines that say something else, or more."""
    height, width, channels = pixels.shape
    lines: dict[str, int | str] = {
        "WIDTH": width,
        "HEIGHT": height,
        "DEPTH": channels,
        "MAXVAL": int(np.iinfo(pixels.dtype).max),
    }
    body = "".join(f"{name} {value}\n" for name, value in {**lines, **other}.items())
    head = f"P7\n{body}ENDHDR\n".encode()
    return head + pixels.astype(pixels.dtype.newbyteorder(">")).tobytes()


def bmp(
    pixels: NDArray[np.uint8], *, bits: int = 24, top_first: bool = False, **other: int
) -> bytes:
    """BMP of [H, W, 3] uint8; of 8 bits, where red is the index into a palette of greys.

    `other` are fields of the header that say something else.
    """
    height, width, _ = pixels.shape
    rows = pixels if top_first else pixels[::-1]
    cells = {8: rows[:, :, :1], 24: rows[:, :, ::-1]}.get(bits)
    if cells is None:
        cells = np.concatenate([rows[:, :, ::-1], np.full((height, width, 1), 255, np.uint8)], 2)
    flat = cells.reshape(height, -1)
    body = np.pad(flat, ((0, 0), (0, -flat.shape[1] % 4))).tobytes()
    palette = b"".join(bytes([i, i, i, 0]) for i in range(256)) if bits == 8 else b""
    head = {
        "magic": 0x4D42,
        "size": 54 + len(palette) + len(body),
        "spare": 0,
        "begin": 54 + len(palette),
        "headed": 40,
        "width": width,
        "height": -height if top_first else height,
        "planes": 1,
        "bits": bits,
        "packed": 0,
        "bytes": len(body),
        "dpi_x": 0,
        "dpi_y": 0,
        "colours": 0,
        "used": 0,
    } | other
    return struct.pack("<HIIIIiiHHIIiiII", *head.values()) + palette + body


def mask_of(content: bytes) -> NDArray[np.uint8]:
    """[H, W] of a PGM that the runner wrote."""
    magic, size, most, values = content.split(b"\n", 3)
    assert magic == b"P5"
    assert most == b"255"
    width, height = map(int, size.split())
    return np.frombuffer(values, np.uint8).reshape(height, width)
