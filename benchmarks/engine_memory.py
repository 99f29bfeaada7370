"""Peak memory of ONNX Runtime's process on many networks, and the model that planning uses.

    nice python -m benchmarks.engine_memory --work /tmp/engine_memory     # about 40 minutes

Every point is a U-Net with random weights, exported and run in fresh processes of the device
wing. The model's factors are the linear programme "least relative excess, with no fitted point
above the sum"; held-out points are never seen by it. Writes the points and factors into the
package (ccnet_edge/cost/) and the figures into results/. A second run goes on where it was killed.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.optimize import linprog  # type: ignore[import-untyped]

from benchmarks.protocol import write_result
from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.cost import engine_memory
from ccnet_edge.cost.engine_memory import (
    MODELS,
    SAFETY,
    STANDING,
    EngineMemory,
    Load,
    MemoryPoint,
    engine_load,
)
from ccnet_edge.device.environment import environment
from ccnet_edge.device.memory import measure_fresh
from ccnet_edge.errors import ConfigError
from ccnet_edge.export.metadata import ModelMetadata
from ccnet_edge.export.onnx import write_onnx
from ccnet_edge.nets import build_module
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import Preprocessing, SessionOptions
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.report import MemoryReport

ENGINE = "onnxruntime"
REPEATS = 3
INFERENCES = 10
MIB = 2**20
# Peaks of the engine's own default and of the other candidates beside the standing options.
COMPARED = {
    "extended, no pattern (standing)": STANDING,
    "all, no pattern": replace(STANDING, optimisation="all"),
    "all, pattern (engine's default)": replace(STANDING, optimisation="all", memory_pattern=True),
    "extended, no arena": replace(STANDING, arena=False),
}
# CC21's plans of one file size, two wide networks, and one that no block of 16 divides.
COMPARED_WIDTHS = (
    (4, 8, 16, 32, 65),
    (8, 16, 32, 64, 128),
    (16, 32, 64, 128, 256),
    (20, 19, 25, 29, 33),
    (30, 39, 59, 85, 119),
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


@dataclass(frozen=True, kw_only=True)
class Headroom:
    """Predicted over measured peak of the whole process, over some points."""

    points: int
    under: int
    least: float
    median: float
    p90: float
    largest: float


@dataclass(frozen=True, kw_only=True)
class OptionsPeak:
    """One network's process peak under one set of options, and over that of the standing ones."""

    widths: tuple[int, ...]
    size: int
    options: str
    peak_mib: float
    over_standing: float


@dataclass(frozen=True, kw_only=True)
class EngineMemoryFigures:
    """What results/engine_memory.json holds.

    `repeat_spread` is the largest relative difference of peaks between processes of one point.
    """

    base_mib: float
    fixed_mib: float
    weights_factor: float
    live_factor: float
    ends_factor: float
    safety: float
    fitted: Headroom
    held_out: Headroom
    repeat_spread: float
    options: tuple[OptionsPeak, ...]


def cases() -> list[Case]:
    """What is fitted, then what is held out."""
    return [*_fitted(), *_held_out()]


def _fitted() -> Iterator[Case]:
    """Uniform networks, CC21's layer-wise ones, and random ones."""
    for base in (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32):
        for size in (128, 256, 512, 1024):
            if base * size <= 16 * 1024:
                yield Case(widths=_uniform(base), height=size, width=size)
    for widths in COMPARED_WIDTHS[3:]:
        for size in (128, 256, 512):
            yield Case(widths=widths, height=size, width=size)
    chance = random.Random(1)
    for _ in range(60):
        yield _random_case(chance, largest=80, fitted=True)


def _held_out() -> Iterator[Case]:
    """Other random networks, other ways to run them, a hundred inferences, and far larger ones."""
    chance = random.Random(2)
    for _ in range(50):
        yield _random_case(chance, largest=80, fitted=False)
    for variant in ("2 threads", "dynamic"):
        for _ in range(10):
            yield replace(_random_case(chance, largest=40, fitted=False), variant=variant)
    for widths in COMPARED_WIDTHS:
        yield Case(widths=widths, height=512, width=512, fitted=False, inferences=100)
    for size in (256, 512):
        yield Case(widths=_uniform(64), height=size, width=size, fitted=False, inferences=3)


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


def fit(points: Sequence[MemoryPoint], *, base_bytes: int) -> EngineMemory:
    """The model with factors ≥ 0, none of the fitted points above it, and little above them.

    "Little" is the mean over the points of predicted over measured, of whole processes.
    """
    fitted = [point for point in points if point.fitted]
    # In MiB: the solver's tolerances are absolute.
    terms = np.array([_terms_mib(point.load) for point in fitted])
    peaks = np.array([point.over_base_bytes / MIB for point in fitted])
    relative = terms / (peaks + base_bytes / MIB)[:, None]
    solved = linprog(relative.sum(axis=0), A_ub=-terms, b_ub=-peaks, bounds=(0, None))
    assert solved.success, solved.message
    fixed, weights, live, ends = map(float, solved.x)
    return EngineMemory(
        engine=ENGINE,
        options=STANDING,
        environment=environment(),
        base_bytes=base_bytes,
        fixed_bytes=fixed * MIB,
        weights_factor=weights,
        live_factor=live,
        ends_factor=ends,
        points=tuple(points),
    )


def _terms_mib(load: Load) -> tuple[float, ...]:
    return (1.0, load.weights_bytes / MIB, load.live_bytes / MIB, load.ends_bytes / MIB)


def headroom(model: EngineMemory, points: Sequence[MemoryPoint]) -> Headroom:
    """How far the model lies above the measured peaks of whole processes."""
    ratios = sorted(
        model.predict_bytes(p.load) / (model.base_bytes + p.over_base_bytes) for p in points
    )
    return Headroom(
        points=len(ratios),
        under=sum(ratio < 1 for ratio in ratios),
        least=ratios[0],
        median=statistics.median(ratios),
        p90=ratios[round(0.9 * (len(ratios) - 1))],
        largest=ratios[-1],
    )


def compare_options() -> Iterator[OptionsPeak]:
    """Peaks of the compared networks at 512² under all compared options."""
    for widths in COMPARED_WIDTHS:
        case = Case(widths=widths, height=512, width=512)
        standing = 0
        for name, options in COMPARED.items():
            peak = max(r.peak_bytes for r in measure(case, options, repeats=REPEATS))
            standing = standing or peak
            yield OptionsPeak(
                widths=widths,
                size=512,
                options=name,
                peak_mib=round(peak / MIB, 1),
                over_standing=round(peak / standing, 3),
            )


def _point(case: Case, reports: Sequence[MemoryReport]) -> MemoryPoint:
    return MemoryPoint(
        widths=case.widths,
        in_channels=case.in_channels,
        outputs=case.outputs,
        height=case.height,
        width=case.width,
        variant=case.variant,
        fitted=case.fitted,
        repeats=len(reports),
        load=engine_load(case.spec, height=case.height, width=case.width),
        over_base_bytes=max(report.peak_bytes - report.base_bytes for report in reports),
    )


def main() -> None:
    """Measure, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for finished points")
    work = parser.parse_args().work
    listed = cases()
    reports: list[tuple[MemoryReport, ...]] = []
    for number, case in enumerate(listed, start=1):
        reports.append(measured(case, work).reports)
        peak = max(report.peak_bytes for report in reports[-1]) / MIB
        print(f"{number}/{len(listed)}  {case.name}  {peak:.1f} MiB", flush=True)
    points = [_point(case, found) for case, found in zip(listed, reports, strict=True)]
    model = fit(points, base_bytes=max(r.base_bytes for found in reports for r in found))
    print(serial.save(model, Path(engine_memory.__file__).with_name(MODELS[ENGINE])))
    print(write_result("engine_memory", _figures(model, reports)))


def _figures(
    model: EngineMemory, reports: Sequence[tuple[MemoryReport, ...]]
) -> EngineMemoryFigures:
    spreads = [max(r.peak_bytes for r in e) / min(r.peak_bytes for r in e) - 1 for e in reports]
    return EngineMemoryFigures(
        base_mib=round(model.base_bytes / MIB, 1),
        fixed_mib=round(model.fixed_bytes / MIB, 1),
        weights_factor=round(model.weights_factor, 3),
        live_factor=round(model.live_factor, 3),
        ends_factor=round(model.ends_factor, 3),
        safety=SAFETY,
        fitted=headroom(model, [p for p in model.points if p.fitted]),
        held_out=headroom(model, [p for p in model.points if not p.fitted]),
        repeat_spread=round(max(spreads), 4),
        options=tuple(compare_options()),
    )


if __name__ == "__main__":
    main()
