"""The networks that engine_memory.py measures, and how each is run in processes of its own.

Every case is drawn before anything is measured: fitted ones with one seed, held-out ones with
another, so that no network or size of the one is in the other but by chance.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.memory_models import write_model
from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.cost import macs
from ccnet_edge.cost.engine_memory import STANDING, standing
from ccnet_edge.device.memory import measure_fresh
from ccnet_edge.errors import ConfigError
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import SessionOptions
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.report import MemoryReport
from ccnet_edge.spec.target import Precision

# Two bring every engine to where it stays; two thousand show no more (see the proof).
INFERENCES = 3
# Multiply-adds of an inference at most, so that hundreds of processes take minutes.
MOST_MACS = 2e9
BLOCKED = replace(STANDING, optimisation="all")
PATTERN = replace(BLOCKED, memory_pattern=True)
OPENVINO = standing("openvino")
NO_ARENA = replace(STANDING, arena=False)

# Engine's options with a precision → cases that are fitted, and held out.
SETUPS: tuple[tuple[SessionOptions, Precision, int, int], ...] = (
    (STANDING, "fp32", 10, 8),
    (BLOCKED, "fp32", 7, 6),
    (PATTERN, "fp32", 7, 6),
    (STANDING, "int8", 7, 6),
    (BLOCKED, "int8", 7, 6),
    (PATTERN, "int8", 7, 6),
    (OPENVINO, "fp32", 10, 8),
    (OPENVINO, "fp16", 6, 5),
    (OPENVINO, "int8", 10, 8),
    (NO_ARENA, "fp32", 10, 8),
)
# Uniform networks of 7.8 and 31 MB of weights, with their size.
WIDE = (((16, 32, 64, 128, 256), 128), ((32, 64, 128, 256, 512), 64))
# Plans of the README, held out too: CC21's two of one file size.
NAMED = ((4, 8, 16, 32, 65), (20, 19, 25, 29, 33))


@dataclass(frozen=True, kw_only=True)
class Case:
    """A network and how it is run."""

    widths: tuple[int, ...]
    height: int
    width: int
    precision: Precision
    options: SessionOptions
    in_channels: int = 3
    outputs: int = 1
    fitted: bool = True
    repeats: int = 1

    @property
    def spec(self) -> NetworkSpec:
        """The U-Net."""
        return ARCHITECTURES["unet"](self.in_channels, self.outputs).with_widths(self.widths)

    @property
    def name(self) -> str:
        """A file name that no other case has."""
        given = self.options
        level = f"{given.optimisation}{given.arena:d}{given.memory_pattern:d}{given.threads}"
        return (
            f"{given.engine}-{self.precision}-{level}_{'-'.join(map(str, self.widths))}"
            f"_{self.height}x{self.width}_{self.in_channels}to{self.outputs}.json"
        )


def cases() -> list[Case]:
    """What is fitted, then what is held out."""
    found: list[Case] = []
    for fitted, seed in ((True, 1), (False, 2)):
        chance = random.Random(seed)
        for options, precision, *counts in SETUPS:
            found += [
                _case(chance, options, precision, number=number, fitted=fitted)
                for number in range(counts[0] if fitted else counts[1])
            ]
    return [*found, *_wide(), *_named()]


def _case(
    chance: random.Random,
    options: SessionOptions,
    precision: Precision,
    *,
    number: int,
    fitted: bool,
) -> Case:
    """Every other network has widths of any kind, the others rise as those of plans do.

    Every fourth is run on two threads, and every fourth in two processes, without arena in three.
    """
    draw = _any_widths if number % 2 else _rising_widths
    widths = draw(chance)
    in_channels, outputs = chance.choice((1, 3)), chance.choice((1, 1, 3))
    height, width = _size(chance, ARCHITECTURES["unet"](in_channels, outputs).with_widths(widths))
    return Case(
        widths=widths,
        height=height,
        width=width,
        precision=precision,
        options=replace(options, threads=2 if number % 4 == 3 else 1),
        in_channels=in_channels,
        outputs=outputs,
        fitted=fitted,
        repeats=3 if not options.arena else 2 if number % 4 == 0 else 1,
    )


def _size(chance: random.Random, spec: NetworkSpec) -> tuple[int, int]:
    """64 to 1024 a side, evenly over their logarithm, as far as `MOST_MACS` lets it."""
    while True:
        height, width = (16 * round(4 * 16 ** chance.random()) for _ in range(2))
        if macs(spec, height=height, width=width) <= MOST_MACS:
            return height, width


def _wide() -> Iterator[Case]:
    """Networks whose weights are most of what they need: fitted, and not drawn."""
    setups = [setup for setup in SETUPS if setup[0].arena and not setup[0].memory_pattern]
    for widths, size in WIDE:
        for options, precision, *_ in setups:
            yield Case(widths=widths, height=size, width=size, precision=precision, options=options)


def _named() -> Iterator[Case]:
    for widths in NAMED:
        for options in (STANDING, OPENVINO):
            yield Case(
                widths=widths,
                height=512,
                width=512,
                precision="fp32",
                options=options,
                fitted=False,
            )


def _any_widths(chance: random.Random) -> tuple[int, ...]:
    """Evenly over log channels, 1 to 64, the first at most 32."""
    widths = [round(64 ** chance.uniform(0, 1)) for _ in range(5)]
    return (min(widths[0], 32), *widths[1:])


def _rising_widths(chance: random.Random) -> tuple[int, ...]:
    """Rising from scale to scale, as those of plans do, so that several scales bind."""
    first, growth = 3 * 10 ** chance.uniform(0, 1), chance.uniform(1.0, 2.2)
    return tuple(
        max(1, round(first * growth**scale * chance.uniform(0.8, 1.2))) for scale in range(5)
    )


def measure(case: Case) -> tuple[MemoryReport, ...]:
    """Export the case's network and run it in fresh processes."""
    shape = (1, case.in_channels, case.height, case.width)
    with tempfile.TemporaryDirectory() as folder:
        model = write_model(
            case.spec,
            Path(folder),
            height=case.height,
            width=case.width,
            precision=case.precision,
            engine=case.options.engine,
        )
        return tuple(
            measure_fresh(model, case.options, shape=shape, inferences=INFERENCES)
            for _ in range(case.repeats)
        )


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A case's reports, as they are kept in the work folder."""

    reports: tuple[MemoryReport, ...]


def measured(case: Case, work: Path) -> Measured:
    """The case's reports: from the work folder, or measured now and kept there."""
    path = work / case.name
    try:
        return serial.load(Measured, path)
    except ConfigError:
        result = Measured(reports=measure(case))
        serial.save(result, path)
        return result
