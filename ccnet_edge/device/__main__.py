"""The device wing's own command line: `python ccnet-device.pyz`, or `-m ccnet_edge.device`.

argparse only, and every import that costs memory inside the command that needs it: `memory`
reports what this process holds.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from ccnet_edge.device.arguments import make_parser
from ccnet_edge.device.trt_main import build_apart
from ccnet_edge.errors import CcnetError, MissingExtraError, UsageError
from ccnet_edge.spec import serial

if TYPE_CHECKING:
    from ccnet_edge.device.bundle import Trust
    from ccnet_edge.spec.artifact import SessionOptions

# Module → distribution of the three packages that the wing runs on.
PACKAGES = {"numpy": "numpy", "PIL": "Pillow", "onnxruntime": "onnxruntime"}


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run one command; errors of ours become a message, a hint and their exit code."""
    options = parser().parse_args(arguments)
    try:
        _enter_own_python(options, sys.argv[1:] if arguments is None else arguments)
        _with_packages_named(options)
    except CcnetError as error:
        _say(f"error: {error}")
        if error.hint:
            _say(f"hint:  {error.hint}")
        sys.exit(error.exit_code)
    sys.exit(0)


def run(options: argparse.Namespace) -> None:
    """Write masks for images; print what was written."""
    from ccnet_edge.device.run import describe, run_bundle, warnings

    report = run_bundle(
        options.bundle,
        options.images,
        options.out,
        overlays=options.overlay,
        tiled=options.tiled,
        trust=_trust(options),
    )
    for warning in warnings(report):
        _say(warning)
    _print(serial.to_json(report) if options.json else describe(report) + "\n")
    report.check()


def verify(options: argparse.Namespace) -> None:
    """Check a bundle here; print what was found."""
    from ccnet_edge.device.judgement import check, describe
    from ccnet_edge.device.verify import verify_bundle

    found = verify_bundle(
        options.bundle,
        on_target=options.on_target,
        measure=not options.no_measure,
        inferences=options.inferences,
        samples=options.samples,
        time_limit_s=options.time_limit,
        trust=_trust(options),
    )
    _print(serial.to_json(found) if options.json else describe(found) + "\n")
    check(found, require_target=options.require_target)


def prove(options: argparse.Namespace) -> None:
    """Run a bundle under a memory limit; print what was found."""
    from ccnet_edge.device.proof import check_proof, describe, prove_bundle

    proof = prove_bundle(
        options.bundle,
        limit_bytes=options.ram,
        inferences=options.inferences,
        trust=_trust(options),
    )
    _print(serial.to_json(proof) if options.json else describe(proof) + "\n")
    check_proof(proof)


def latency(options: argparse.Namespace) -> None:
    """Print a LatencyReport of a model file as JSON."""
    from contextlib import nullcontext

    from ccnet_edge.device.timer import Extent, time_model
    from ccnet_edge.device.watching import Watcher

    prepared = built_options(options)
    with nullcontext() if options.no_watch else Watcher() as watch:
        report = time_model(
            options.model,
            prepared,
            shape=options.shape,
            warm_up=options.warm_up,
            extent=Extent(
                samples=options.samples,
                duration_s=options.duration,
                time_limit_s=options.time_limit,
            ),
            watch=watch,
        )
    _print(serial.to_json(report))


def memory(options: argparse.Namespace) -> None:
    """Print a MemoryReport of a model file in this process as JSON."""
    from ccnet_edge.device.memory import measure_here

    report = measure_here(
        options.model,
        built_options(options),
        shape=options.shape,
        inferences=options.inferences,
    )
    _print(serial.to_json(report))


def worker(options: argparse.Namespace) -> None:
    """Hold a model and infer as standard input says: one side of `against`."""
    from ccnet_edge.device.worker import serve

    serve(options.model, session_options(options.options), shape=options.shape)


def against(options: argparse.Namespace) -> None:
    """Print a Comparison of a packed pair of models as JSON."""
    from ccnet_edge.device.against import compare_packed

    _print(serial.to_json(compare_packed(options.pair, seed=options.seed)))


def watch(options: argparse.Namespace) -> None:
    """Look at this machine beside a process until standard input ends; print Conditions as JSON."""
    from ccnet_edge.device.conditions.watch import serve

    serve(options.pid)


def show_environment(_: argparse.Namespace) -> None:
    """Print this machine's Environment as JSON."""
    from ccnet_edge.device.environment import environment

    _print(serial.to_json(environment()))


def parser() -> argparse.ArgumentParser:
    """Of the wing's command line."""
    return make_parser(
        {
            "run": run,
            "verify": verify,
            "prove": prove,
            "latency": latency,
            "memory": memory,
            "worker": worker,
            "against": against,
            "watch": watch,
            "environment": show_environment,
        }
    )


def _trust(options: argparse.Namespace) -> Trust | None:
    from ccnet_edge.device.bundle import Trust
    from ccnet_edge.device.bundle.signature import read_keys

    if options.key is None:
        return None
    return Trust(keys=read_keys(options.key), signature=options.signature)


def _enter_own_python(options: argparse.Namespace, arguments: list[str]) -> None:
    """Go on as the Python of the engine's own environment, where the engine is in one.

    It takes the place of this process, so that what is measured is the engine's own.
    """
    if "options" not in options:
        return
    from ccnet_edge.device.backends import ISOLATED

    engine = session_options(options.options).engine
    if engine not in ISOLATED:
        return
    from ccnet_edge.device.backends.isolated import own_interpreter
    from ccnet_edge.device.environment import device_command
    from ccnet_edge.isolated.child import child_environment

    interpreter = own_interpreter(engine)
    if interpreter is not None:
        command = [str(interpreter), *device_command()[1:], *arguments]
        os.execve(interpreter, command, child_environment())  # noqa: S606 - our own arguments


def built_options(options: argparse.Namespace) -> SessionOptions:
    """The engine's options, after what has to be built for it on this device was."""
    found = session_options(options.options)
    if found.engine == "tensorrt":
        build_apart(options.model)
    return found


def session_options(text: str) -> SessionOptions:
    """The options in the JSON of `--options`."""
    from ccnet_edge.errors import ConfigError
    from ccnet_edge.spec.artifact import SessionOptions

    try:
        return serial.from_json(SessionOptions, text, where="--options")
    except ConfigError as error:
        raise UsageError(error.message, hint=error.hint) from error


def _with_packages_named(options: argparse.Namespace) -> None:
    """Run the command; one of the three packages missing is a sentence, not a traceback."""
    try:
        options.command(options)
    except ModuleNotFoundError as error:
        if error.name not in PACKAGES:
            raise
        raise MissingExtraError(
            f"the package {PACKAGES[error.name]} is not installed for {sys.executable}",
            hint=f"{sys.executable} -m pip install {' '.join(PACKAGES.values())}",
        ) from error


def _print(text: str) -> None:
    sys.stdout.write(text)


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    main()
