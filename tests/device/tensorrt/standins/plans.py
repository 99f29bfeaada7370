"""The stand-ins' engine file: for one version and GPU, and its answers are ONNX Runtime's."""

from __future__ import annotations

import json
import os
import signal

MAGIC = b"STAND-IN ENGINE\n"
# Set to see what happens: fail, empty, kill, hang, other-output, crash-on-run, lost.
FAULT = "FAKE_TRT_FAULT"
VERSION = "FAKE_TRT_VERSION"


def version() -> str:
    return os.environ.get(VERSION, "10.3.0")


def gpu() -> str:
    return os.environ.get("FAKE_GPU", "Orin (stand-in)")


def write_plan(onnx: bytes, *, fp16: bool = False) -> bytes:
    fault = os.environ.get(FAULT, "")
    head = {"version": version(), "gpu": gpu(), "fp16": fp16, "fault": fault}
    return MAGIC + json.dumps(head).encode() + b"\n" + onnx


def read_plan(plan: bytes) -> tuple[dict[str, object], bytes] | None:
    """None where the real library says that an engine is of another version or device.

    A file that is no engine ends the process, as it does with TensorRT's own runtime.
    """
    if not plan.startswith(MAGIC):
        os.kill(os.getpid(), signal.SIGSEGV)
    head, _, onnx = plan[len(MAGIC) :].partition(b"\n")
    found = json.loads(head)
    if (found["version"], found["gpu"]) != (version(), gpu()):
        return None
    return found, onnx
