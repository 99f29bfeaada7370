"""One message of a pipe: a line of JSON, and as many bytes after it as the line says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, BinaryIO

# The field that says how many bytes follow.
BYTES = "bytes"
# Lines and payloads beyond these are no messages of ours.
MOST_LINE, MOST_BYTES = 1 << 20, 1 << 31


Payload = bytes | bytearray | memoryview


class FrameError(Exception):
    """What came is no message; its text says what it is."""


def write_frame(stream: BinaryIO, fields: Mapping[str, Any], payload: Payload = b"") -> None:
    """Write one message.

    Raises:
        OSError: nobody reads any more.
    """
    view = memoryview(payload).cast("B")
    line = json.dumps({**fields, BYTES: view.nbytes}, ensure_ascii=False, separators=(",", ":"))
    stream.write(line.encode("utf-8") + b"\n")
    stream.write(view)
    stream.flush()


def read_frame(stream: BinaryIO) -> tuple[dict[str, Any], bytearray] | None:
    """The next message's fields and payload; None where the stream ends before it.

    Raises:
        FrameError: something else, or a message that is cut off.
    """
    line = stream.readline(MOST_LINE)
    if not line:
        return None
    try:
        fields = json.loads(line)
    except ValueError as error:
        raise FrameError(f"a line of JSON was wanted, found {line[:80]!r}") from error
    size = fields.pop(BYTES, None) if isinstance(fields, dict) else None
    if type(size) is not int or not 0 <= size <= MOST_BYTES:
        raise FrameError(f"an object that says its {BYTES} was wanted, found {line[:80]!r}")
    payload = bytearray(size)
    view, got = memoryview(payload), 0
    while got < size:
        count = stream.readinto(view[got:])  # type: ignore[attr-defined]
        if not count:
            raise FrameError(f"{size} bytes were announced, {got} came")
        got += count
    return fields, payload
