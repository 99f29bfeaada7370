"""A child for tests: its verbs are ways to answer, and not to."""

import os
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

from ccnet_edge.errors import BundleRefusedError
from ccnet_edge.isolated.serving import Answer, serve


def echo(fields: Mapping[str, Any], payload: bytearray) -> Answer:
    return {"said": fields["say"]}, payload


def refuse(fields: Mapping[str, Any], payload: bytearray) -> Answer:
    raise BundleRefusedError("a model was wanted", hint="export it again")


def fail(fields: Mapping[str, Any], payload: bytearray) -> Answer:
    raise ValueError("seven is odd")


def chatter(fields: Mapping[str, Any], payload: bytearray) -> Answer:
    sys.stdout.write("a library's own words\n")
    sys.stdout.flush()
    os.write(1, b"and those of its C\n")
    return {}, b""


def die(fields: Mapping[str, Any], payload: bytearray) -> Answer:
    sys.stderr.write("the last words\n")
    sys.stderr.flush()
    os.kill(os.getpid(), signal.SIGKILL)
    return {}, b""


def leave(fields: Mapping[str, Any], payload: bytearray) -> Answer:
    sys.stderr.write("".join(f"line {i}\n" for i in range(10_000)))
    sys.stderr.flush()
    os._exit(3)


def hang(fields: Mapping[str, Any], payload: bytearray) -> Answer:
    time.sleep(600)
    return {}, b""


def paths(fields: Mapping[str, Any], payload: bytearray) -> Answer:
    return {"paths": sys.path, "pid": os.getpid()}, b""


if sys.argv[1:] == ["babble"]:
    sys.stdout.write("hello\n")
elif sys.argv[1:] == ["cut"]:
    sys.stdout.write('{"bytes":100}\nhalf')
else:
    verbs = (echo, refuse, fail, chatter, die, leave, hang, paths)
    serve({verb.__name__: verb for verb in verbs})
