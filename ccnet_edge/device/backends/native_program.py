"""A native model's own program, run here: what a device without Python runs."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ccnet_edge.device.backends.native_abi import MOST_THREADS, load_library
from ccnet_edge.device.backends.native_build import LIBRARY, RUNNER
from ccnet_edge.device.backends.native_file import WEIGHTS, unpacked
from ccnet_edge.errors import DeviceError
from ccnet_edge.spec.artifact import SessionOptions


def run_program(
    model: Path | bytes,
    options: SessionOptions,
    *,
    shape: Sequence[int],
    inferences: int,
    rows: bool = False,
) -> tuple[int, int]:
    """Run the model's own program on an image of noise.

    Args:
        model: a file that `open_native` takes, or its content.
        options: `threads` is used.
        shape: of the input, [1, C, H, W].
        inferences: how many.
        rows: read the image's file row by row, on one thread, and never hold it whole.

    Returns:
        The process's peak resident memory, and the part of it that is the network's: arena,
        weights, image and mask; both in bytes.

    Raises:
        DeviceError: it failed, or this system does not say how much memory it had.
    """
    _, channels, height, width = shape
    threads = min(options.threads, MOST_THREADS)
    with program(model, options, shape=shape, inferences=inferences, rows=rows) as (words, folder):
        facts = load_library(folder / LIBRARY).ccnet_describe().contents
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    peak = program_peak(done.stdout)
    if done.returncode or peak is None:
        raise DeviceError(f"{RUNNER} ended with {done.returncode}: {done.stderr.strip()}")
    if rows:
        arena, image = facts.stream_arena_bytes, width * channels
    else:
        arena = facts.arena_bytes + (threads - 1) * facts.band_bytes
        image = height * width * channels
    network = arena + facts.weights_bytes + image + height * width
    return peak, network


@contextmanager
def program(
    model: Path | bytes,
    options: SessionOptions,
    *,
    shape: Sequence[int],
    inferences: int,
    rows: bool = False,
) -> Iterator[tuple[list[str], Path]]:
    """The command of `run_program`, and the folder to run it in; both go at the end."""
    channels, threads = shape[1], min(options.threads, MOST_THREADS)
    with unpacked(model, (LIBRARY, RUNNER)) as (folder, weights):
        facts = load_library(folder / LIBRARY).ccnet_describe().contents
        size = (facts.image_height, facts.image_width, channels)
        pixels = np.random.default_rng(0).integers(0, 256, size, np.uint8)
        head = f"P7\nWIDTH {size[1]}\nHEIGHT {size[0]}\nDEPTH {channels}\nMAXVAL 255\nENDHDR\n"
        (folder / WEIGHTS).write_bytes(weights)
        (folder / "image.pam").write_bytes(head.encode() + pixels.tobytes())
        words = [f"./{RUNNER}", WEIGHTS, "image.pam", "mask.pgm", "--memory"]
        words += ["--rows"] if rows else []
        words += ["--threads", str(threads), "--bench", str(max(0, inferences - 1))]
        yield words, folder


def program_peak(output: str) -> int | None:
    """The peak resident memory in bytes that the program printed; None where it did not."""
    peak = re.search(r"^VmHWM:\s*(\d+) kB", output, re.MULTILINE)
    return int(peak[1]) * 1024 if peak else None
