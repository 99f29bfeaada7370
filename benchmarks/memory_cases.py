"""The networks that engine_memory.py measures, and how each is run in processes of its own."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.cost.engine_memory import STANDING
from ccnet_edge.device.memory import measure_fresh
from ccnet_edge.errors import ConfigError
from ccnet_edge.export.metadata import ModelMetadata
from ccnet_edge.export.onnx import write_onnx
from ccnet_edge.nets import build_module
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import Preprocessing, SessionOptions
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.report import MemoryReport

REPEATS = 2
INFERENCES = 10
# CC21's plans of one file size, two wide networks, and one that no block of 16 divides.
COMPARED_WIDTHS = (
    (4, 8, 16, 32, 65),
    (8, 16, 32, 64, 128),
    (16, 32, 64, 128, 256),
    (20, 19, 25, 29, 33),
    (30, 39, 59, 85, 119),
)

# Plans for RAM budgets, widths and size, that came nearest to their budget with earlier fits.
NEAREST = (
    ((11, 34, 57, 81, 114), 512),
    ((11, 35, 52, 73, 100), 512),
    ((12, 33, 60, 115, 219), 512),
    ((23, 27, 38, 50, 63), 128),
    ((24, 26, 36, 46, 58), 128),
    ((26, 29, 41, 54, 71), 128),
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A network and how it is run."""

    widths: tuple[int, ...]
    height: int
    width: int
    in_channels: int = 3
    outputs: int = 1
    variant: str = ""
    fitted: bool = True
    inferences: int = INFERENCES

    @property
    def spec(self) -> NetworkSpec:
        """The U-Net."""
        return ARCHITECTURES["unet"](self.in_channels, self.outputs).with_widths(self.widths)

    @property
    def options(self) -> SessionOptions:
        """The standing options, with the variant's threads."""
        return replace(STANDING, threads=2) if self.variant == "2 threads" else STANDING

    @property
    def name(self) -> str:
        """A file name that no other case has."""
        size = f"{self.height}x{self.width}"
        ends = f"{self.in_channels}to{self.outputs}"
        variant = self.variant.replace(" ", "")
        return f"{'-'.join(map(str, self.widths))}_{size}_{ends}_{variant}_{self.inferences}.json"


def cases() -> list[Case]:
    """What is fitted, then what is held out."""
    return [*_fitted(), *_held_out()]


def _fitted() -> Iterator[Case]:
    """Chosen networks, random ones of any shape, and random ones shaped like plans."""
    yield from _chosen()
    chance = random.Random(1)
    for _ in range(60):
        yield _random_case(chance, largest=80, fitted=True)
    for _ in range(12):
        yield replace(_random_case(chance, largest=40, fitted=True), variant="dynamic")
    others = random.Random(3)
    for _ in range(80):
        yield _rising_case(others, fitted=True)


def _chosen() -> Iterator[Case]:
    """Uniform networks, CC21's layer-wise ones, the base network, and the nearest plans."""
    for base in (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32):
        for size in (128, 256, 512, 1024):
            if base * size <= 16 * 1024:
                yield Case(widths=_uniform(base), height=size, width=size)
    for widths in COMPARED_WIDTHS[3:]:
        for size in (128, 256, 512):
            yield Case(widths=widths, height=size, width=size)
    for size in (128, 256):
        yield Case(widths=_uniform(64), height=size, width=size, inferences=3)
    for widths, size in NEAREST:
        yield Case(widths=widths, height=size, width=size, inferences=100)


def _held_out() -> Iterator[Case]:
    """Other random networks, other ways to run them, a hundred inferences, and far larger ones."""
    chance = random.Random(2)
    for _ in range(50):
        yield _random_case(chance, largest=80, fitted=False)
    others = random.Random(4)
    for _ in range(40):
        yield _rising_case(others, fitted=False)
    for variant in ("2 threads", "dynamic"):
        for _ in range(10):
            yield replace(_random_case(chance, largest=40, fitted=False), variant=variant)
    for widths in COMPARED_WIDTHS:
        yield Case(widths=widths, height=512, width=512, fitted=False, inferences=100)
    for base, size in ((48, 256), (64, 512)):
        yield Case(widths=_uniform(base), height=size, width=size, fitted=False, inferences=3)


def _uniform(base: int) -> tuple[int, ...]:
    return tuple(base * 2**scale for scale in range(5))


def _random_case(chance: random.Random, *, largest: int, fitted: bool) -> Case:
    """Widths spread evenly over log channels; sizes that the output stride divides."""
    widths = tuple(round(largest ** chance.uniform(0, 1)) for _ in range(5))
    height, width = (16 * chance.randint(6, 40) for _ in range(2))
    return Case(
        widths=widths,
        height=height,
        width=width,
        in_channels=chance.choice((1, 3)),
        outputs=chance.choice((1, 1, 3)),
        fitted=fitted,
    )


def _rising_case(chance: random.Random, *, fitted: bool) -> Case:
    """Widths that rise from scale to scale, as those of plans do, so that several scales bind."""
    first, growth = 3 * 15 ** chance.uniform(0, 1), chance.uniform(1.0, 2.4)
    height, width = (16 * chance.randint(16, 32) for _ in range(2))
    return Case(
        widths=tuple(
            max(1, round(first * growth**scale * chance.uniform(0.8, 1.2))) for scale in range(5)
        ),
        height=height,
        width=width,
        fitted=fitted,
        inferences=5,
    )


def measure(case: Case, options: SessionOptions, *, repeats: int) -> tuple[MemoryReport, ...]:
    """Export the case's network and run it in `repeats` fresh processes."""
    spec = case.spec
    channels = case.in_channels
    metadata = ModelMetadata(
        network=spec,
        classes=("background", "foreground"),
        preprocessing=Preprocessing(
            height=case.height,
            width=case.width,
            channels=channels,
            maximum=255.0,
            mean=(0.5,) * channels,
            std=(0.25,) * channels,
        ),
    )
    shape = (1, channels, case.height, case.width)
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.onnx"
        write_onnx(build_module(spec).eval(), metadata, model, dynamic=case.variant == "dynamic")
        return tuple(
            measure_fresh(model, options, shape=shape, inferences=case.inferences)
            for _ in range(repeats)
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
        result = Measured(reports=measure(case, case.options, repeats=REPEATS))
        serial.save(result, path)
        return result
