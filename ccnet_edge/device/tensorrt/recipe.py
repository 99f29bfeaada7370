"""The recipe in an ONNX file's metadata, read without any ONNX library.

An ONNX file is a protocol buffer. Its metadata are field 14 of the outermost message, each a
message of key (1) and value (2); everything else is stepped over by its length.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from ccnet_edge.errors import BundleRefusedError, ConfigError
from ccnet_edge.spec import serial
from ccnet_edge.spec.tensorrt import EngineRecipe

KEY = "ccnet_edge.tensorrt"
METADATA_FIELD = 14
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
FIXED = {FIXED64: 8, FIXED32: 4}
MOST_VARINT_BYTES = 10


def recipe_text(recipe: EngineRecipe) -> str:
    """The recipe as it stands in a file's metadata."""
    return json.dumps(serial.to_dict(recipe), ensure_ascii=False, separators=(",", ":"))


def read_recipe(model: bytes) -> EngineRecipe:
    """The recipe that the ONNX file `model` holds.

    Raises:
        BundleRefusedError: no ONNX file, or one without a recipe that can be read.
    """
    text = read_metadata(model).get(KEY)
    if text is None:
        raise BundleRefusedError(
            f"the model's metadata entry {KEY} was wanted, found none: it was not prepared for "
            "TensorRT",
            hint="export it with ccnet-edge export --format tensorrt",
        )
    try:
        return serial.from_json(EngineRecipe, text, where=f"the model's {KEY}")
    except (ConfigError, RecursionError) as error:
        raise BundleRefusedError(f"the model's recipe cannot be read: {error}") from error


def read_metadata(model: bytes) -> dict[str, str]:
    """Key → value of the ONNX file `model`.

    Raises:
        BundleRefusedError: it is no protocol buffer, or is cut short.
    """
    view = memoryview(model)
    try:
        entries = [
            dict(_fields(value)) for field, value in _fields(view) if field == METADATA_FIELD
        ]
        return {_text(entry[1]): _text(entry.get(2, b"")) for entry in entries if 1 in entry}
    except (IndexError, UnicodeDecodeError, ValueError) as error:
        raise BundleRefusedError(
            f"an ONNX file was wanted: {error}", hint="it is damaged, cut short, or of another kind"
        ) from error


def _fields(message: memoryview | bytes) -> Iterator[tuple[int, memoryview | bytes]]:
    """(number, content) of every length-delimited field; numbers' contents are empty."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == VARINT:
            _, at = _varint(message, at)
            continue
        length, at = (FIXED[kind], at) if kind in FIXED else _length(message, at, kind)
        if at + length > len(message):
            raise ValueError("a field is longer than the file")
        yield tag >> 3, message[at : at + length]
        at += length


def _length(message: memoryview | bytes, at: int, kind: int) -> tuple[int, int]:
    if kind != BYTES:
        raise ValueError(f"a field has the unknown wire type {kind}")
    return _varint(message, at)


def _varint(message: memoryview | bytes, at: int) -> tuple[int, int]:
    """The number at `at`, seven bits a byte, and where it ends."""
    value = 0
    for i in range(MOST_VARINT_BYTES):
        byte = message[at + i]
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            return value, at + i + 1
    raise ValueError("a number has no end")


def _text(value: memoryview | bytes) -> str:
    return bytes(value).decode()
