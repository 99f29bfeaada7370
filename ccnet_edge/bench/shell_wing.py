"""The device wing's commands where there is no Python for it: its answers, from the program's."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ccnet_edge.bench.facts import read_facts
from ccnet_edge.bench.program import (
    Program,
    device_environment,
    open_program,
    program_latency,
    program_memory,
)
from ccnet_edge.device.__main__ import parser, session_options
from ccnet_edge.device.bundle import Bundle, open_bundle
from ccnet_edge.device.bundle.golden import compare_golden, golden_input
from ccnet_edge.device.run import RunReport, segment_images
from ccnet_edge.device.segmenter import Segmenter
from ccnet_edge.device.timer import WARM_UP, Extent
from ccnet_edge.device.verify import verification
from ccnet_edge.errors import BundleRefusedError, DeviceError
from ccnet_edge.spec import serial
from ccnet_edge.spec.bundle import Verification
from ccnet_edge.spec.report import Environment, LatencyReport, MemoryReport

if TYPE_CHECKING:
    from ccnet_edge.bench.remote import RemoteHost

MODEL, PACKED = ".ccnet", (".tar", ".zip")


def needs_no_python(model: Path) -> bool:
    """A file is the native engine's model, or a bundle that has one."""
    if model.suffix not in PACKED:
        return model.suffix == MODEL
    try:
        return open_bundle(model).manifest.options.engine == "native"
    except BundleRefusedError:
        return False


def answer(
    device: RemoteHost,
    command: str,
    model: Path,
    arguments: Sequence[str],
    *,
    out: Path | None = None,
) -> str:
    """What a command of the device wing would print there; `out` is for the files that it writes.

    Raises:
        DeviceError: the device failed, or the command takes Python.
    """
    written = [] if out is None else ["-o", str(out)]
    options = parser().parse_args([command, str(model), *arguments, *written])
    facts = read_facts(device.facts(), where=device.name)
    here, machine = device_environment(facts), device.machine
    if command == "verify":
        return serial.to_json(_verified(device, model, options, here, machine=machine))
    if command == "run":
        return serial.to_json(_segmented(device, model, options, machine=machine))
    if command not in ("memory", "latency"):
        raise DeviceError(
            f"{command} on {device.name} takes Python 3.10 or newer with numpy and Pillow there",
            hint="name one: …?python=/usr/bin/python3.11 after the device's name",
        )
    program = open_program(device, model, machine=machine)
    threads = session_options(options.options).threads
    return serial.to_json(_measured(program, options, here, threads=threads, command=command))


def _measured(
    program: Program,
    options: argparse.Namespace,
    here: Environment,
    *,
    threads: int,
    command: str,
) -> MemoryReport | LatencyReport:
    if command == "memory":
        inferences = options.inferences
        return program_memory(program, threads=threads, inferences=inferences, environment=here)
    extent = Extent(
        samples=options.samples, duration_s=options.duration, time_limit_s=options.time_limit
    )
    return program_latency(
        program, threads=threads, warm_up=options.warm_up, extent=extent, environment=here
    )


def _verified(
    device: RemoteHost,
    archive: Path,
    options: argparse.Namespace,
    here: Environment,
    *,
    machine: str,
) -> Verification:
    bundle = open_bundle(archive)
    manifest, memory, latency = bundle.manifest, None, None
    program = _program(device, bundle, machine=machine)
    compared = compare_golden(program.infer(golden_input(bundle)), bundle)
    threads = manifest.options.threads
    if not options.no_measure:
        memory = program_memory(
            program, threads=threads, inferences=options.inferences, environment=here
        )
        extent = Extent(samples=options.samples, time_limit_s=options.time_limit)
        latency = program_latency(
            program, threads=threads, warm_up=WARM_UP, extent=extent, environment=here
        )
    on_target = bool(options.on_target)
    return verification(archive, bundle, compared, memory, latency, on_target=on_target, here=here)


def _segmented(
    device: RemoteHost, archive: Path, options: argparse.Namespace, *, machine: str
) -> RunReport:
    """Images are read, resized and written here, as the wing does; the network answers there."""
    bundle = open_bundle(archive)
    # Links to images, which are called by their numbers on a device.
    named = [(image, f"{number:06}") for number, image in enumerate(options.images)]
    session = ProgramSession(_program(device, bundle, machine=machine))
    with Segmenter(bundle.manifest, session) as segmenter:
        return segment_images(
            segmenter,
            named,
            options.out,
            bundle=archive,
            overlays=options.overlay,
            tiled=options.tiled,
        )


def _program(device: RemoteHost, bundle: Bundle, *, machine: str) -> Program:
    with tempfile.TemporaryDirectory(prefix="ccnet-") as folder:
        model = Path(folder) / Path(bundle.manifest.artifact.file).name
        model.write_bytes(bundle.model())
        return open_program(device, model, machine=machine)


class ProgramSession:
    """A network that the program on a device runs, as a session of the wing."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def run(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits [1, outputs, H, W], what was padded of `x` repeated.

        Raises:
            DeviceError: the device or the program failed.
        """
        logits = self._program.infer(x)
        rows, columns = (np.array(x.shape[2:]) - logits.shape[1:]).tolist()
        padded: NDArray[np.float32] = np.pad(logits, ((0, 0), (0, rows), (0, columns)), "edge")
        return padded[None]

    def close(self) -> None:
        """Nothing is held between runs."""
