"""Laws of messages: round trips, and what is no message is refused."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccnet_edge.isolated.frames import FrameError, read_frame, write_frame

VALUES = st.none() | st.booleans() | st.integers() | st.text()
FIELDS = st.dictionaries(st.text(), VALUES).filter(lambda found: "bytes" not in found)


@settings(deadline=None)
@given(messages=st.lists(st.tuples(FIELDS, st.binary()), max_size=3))
def test_messages_come_out_as_they_went_in(messages: list[tuple[dict[str, Any], bytes]]) -> None:
    stream = io.BytesIO()
    for fields, payload in messages:
        write_frame(stream, fields, payload)
    stream.seek(0)
    for fields, payload in messages:
        assert read_frame(stream) == (fields, bytearray(payload))
    assert read_frame(stream) is None


@settings(deadline=None)
@given(FIELDS, st.binary(), st.data())
def test_a_message_that_is_cut_off_is_no_message(
    fields: dict[str, Any], payload: bytes, data: st.DataObject
) -> None:
    stream = io.BytesIO()
    write_frame(stream, fields, payload)
    whole = stream.getvalue()
    cut = data.draw(st.integers(1, len(whole) - 1))
    try:
        frame = read_frame(io.BytesIO(whole[:cut]))
    except FrameError:
        return
    # What is left where the line's own end is all that is missing, and nothing follows it.
    assert frame == (fields, bytearray())


@pytest.mark.parametrize(
    "line",
    [b"[]", b"{}", b'{"bytes":-1}', b'{"bytes":1.5}', b'{"bytes":true}', b'{"bytes":9999999999}',
     b"\xff\xfe", b'"bytes"'],
)  # fmt: skip
def test_lines_that_lie_are_refused(line: bytes) -> None:
    with pytest.raises(FrameError):
        read_frame(io.BytesIO(line + b"\n" + b"x" * 10))
