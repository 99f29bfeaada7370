"""A process that answers requests on its pipes: its own side."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from ccnet_edge.errors import CcnetError
from ccnet_edge.isolated.frames import Payload, read_frame, write_frame

Answer = tuple[Mapping[str, Any], Payload]
# A verb gets the request's fields and payload.
Verb = Callable[[Mapping[str, Any], bytearray], Answer]


def serve(verbs: Mapping[str, Verb]) -> None:
    """Answer requests until standard input ends; `do` is the name of a verb."""
    answers = _claim_stdout()
    while (frame := read_frame(sys.stdin.buffer)) is not None:
        fields, payload = frame
        try:
            answer, content = verbs[fields["do"]](fields, payload)
        except CcnetError as error:
            answer = {"error": error.message, "kind": type(error).__name__, "hint": error.hint}
            content = b""
        except Exception as error:  # noqa: BLE001 - whatever a foreign library raises is the answer
            answer, content = {"error": str(error), "kind": type(error).__name__}, b""
        write_frame(answers, answer, content)


def _claim_stdout() -> BinaryIO:
    """Standard output for answers alone: what libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers
