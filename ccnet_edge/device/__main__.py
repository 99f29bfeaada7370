"""The device wing's own command line: `python ccnet-device.pyz`, or `-m ccnet_edge.device`.

argparse only, and every import that costs memory inside the command that needs it: `memory`
reports what this process holds.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from ccnet_edge import __version__
from ccnet_edge.errors import CcnetError, UsageError
from ccnet_edge.spec import serial

if TYPE_CHECKING:
    from ccnet_edge.spec.artifact import SessionOptions


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run one command; errors of ours become a message, a hint and their exit code."""
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
    except CcnetError as error:
        sys.stderr.write(f"error: {error}\n")
        if error.hint:
            sys.stderr.write(f"hint:  {error.hint}\n")
        sys.exit(error.exit_code)
    sys.exit(0)


def latency(options: argparse.Namespace) -> None:
    """Print a LatencyReport of a model file as JSON."""
    from ccnet_edge.device.timer import time_model

    report = time_model(
        options.model,
        _session_options(options.options),
        shape=options.shape,
        warm_up=options.warm_up,
        samples=options.samples,
        time_limit_s=options.time_limit,
    )
    sys.stdout.write(serial.to_json(report))


def memory(options: argparse.Namespace) -> None:
    """Print a MemoryReport of a model file in this process as JSON."""
    from ccnet_edge.device.memory import measure_here

    report = measure_here(
        options.model,
        _session_options(options.options),
        shape=options.shape,
        inferences=options.inferences,
    )
    sys.stdout.write(serial.to_json(report))


def show_environment(_: argparse.Namespace) -> None:
    """Print this machine's Environment as JSON."""
    from ccnet_edge.device.environment import environment

    sys.stdout.write(serial.to_json(environment()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ccnet-device", description="Run and check a segmentation bundle on this device."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    latency_ = commands.add_parser("latency", help="time a model file; prints JSON")
    _model_arguments(latency_)
    latency_.add_argument("--warm-up", type=int, default=10, metavar="N")
    latency_.add_argument("--samples", type=int, default=None, metavar="N")
    latency_.add_argument("--time-limit", type=float, default=60.0, metavar="SECONDS")
    latency_.set_defaults(command=latency)

    memory_ = commands.add_parser("memory", help="peak memory of a model file; prints JSON")
    _model_arguments(memory_)
    memory_.add_argument("--inferences", type=int, default=100, metavar="N")
    memory_.set_defaults(command=memory)

    environment_ = commands.add_parser("environment", help="this machine and versions as JSON")
    environment_.set_defaults(command=show_environment)
    return parser


def _model_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, metavar="MODEL", help="a model file (.onnx)")
    parser.add_argument("--shape", type=_shape, required=True, metavar="1,C,H,W")
    parser.add_argument("--options", default="{}", metavar="JSON", help="of the engine")


def _shape(text: str) -> tuple[int, ...]:
    shape = tuple(int(part) for part in text.split(","))
    if len(shape) != 4 or min(shape) < 1:
        raise argparse.ArgumentTypeError(f"four positive numbers were wanted, found {text!r}")
    return shape


def _session_options(text: str) -> SessionOptions:
    from ccnet_edge.errors import ConfigError
    from ccnet_edge.spec.artifact import SessionOptions

    try:
        return serial.from_json(SessionOptions, text, where="--options")
    except ConfigError as error:
        raise UsageError(error.message, hint=error.hint) from error


if __name__ == "__main__":
    main()
