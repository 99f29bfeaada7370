"""The device wing's commands about TensorRT: one for people, two for itself."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ccnet_edge.spec import serial


def add_commands(commands: Any) -> None:
    """Add `trt-build`, and what it and sessions start processes with."""
    build = commands.add_parser("trt-build", help="build a bundle's TensorRT engine here")
    build.add_argument("bundle", type=Path, metavar="BUNDLE", help="a folder, archive or .onnx")
    build.add_argument("--builder", choices=("trtexec", "python"), help="default: what is there")
    build.add_argument("--force", action="store_true", help="build again what was built before")
    build.add_argument("--timeout", type=float, default=3600.0, metavar="SECONDS")
    build.add_argument("--json", action="store_true", help="print one JSON document")
    build.set_defaults(command=trt_build)
    serve = commands.add_parser("trt-serve")
    serve.add_argument("given", type=int)
    serve.add_argument("made", type=int)
    serve.set_defaults(command=trt_serve)
    python = commands.add_parser("trt-python-build")
    python.add_argument("model", type=Path)
    python.add_argument("folder", type=Path)
    python.add_argument("timing_cache", type=Path)
    python.set_defaults(command=trt_python_build)


def trt_build(options: argparse.Namespace) -> None:
    """Build a bundle's engine; print what came of it."""
    from ccnet_edge.device.trt_build import build_engine, check_built, describe

    report = build_engine(
        options.bundle, builder=options.builder, force=options.force, timeout_s=options.timeout
    )
    sys.stdout.write(serial.to_json(report) if options.json else describe(report) + "\n")
    check_built(report)


def build_apart(model: Path) -> None:
    """`trt-build` of a model file in a process of its own, whose memory is not the caller's.

    Raises:
        DeviceError: no engine of it runs here; with what the process said.
    """
    import subprocess

    from ccnet_edge.device.environment import device_command
    from ccnet_edge.errors import DeviceError

    command = [*device_command(), "trt-build", str(model)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().removeprefix("error: ")
        raise DeviceError(f"{model}: {said}")


def trt_serve(options: argparse.Namespace) -> None:
    """Answer as the process that holds TensorRT."""
    from ccnet_edge.device.tensorrt.process import serve

    serve(options.given, options.made)


def trt_python_build(options: argparse.Namespace) -> None:
    """Build by TensorRT's Python API, in this process."""
    from ccnet_edge.device.tensorrt.python_builder import build_here

    build_here(options.model, options.folder, options.timing_cache)
