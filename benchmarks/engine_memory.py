"""Peak memory of ONNX Runtime's process on many networks, and the model that planning uses.

    nice python -m benchmarks.engine_memory --work /tmp/engine_memory     # about 90 minutes

Every point is a U-Net with random weights, exported and run in fresh processes of the device
wing. The model's factors are the linear programme "least relative excess, with no fitted point
above the sum"; held-out points are never seen by it. Writes the points and factors into the
package (ccnet_edge/cost/) and the figures into results/. A second run goes on where it was killed.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.optimize import linprog  # type: ignore[import-untyped]

from benchmarks.memory_cases import COMPARED_WIDTHS, REPEATS, Case, cases, measure, measured
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
    load_model,
)
from ccnet_edge.degradation import find_preset
from ccnet_edge.device.environment import environment
from ccnet_edge.solver import solve
from ccnet_edge.spec import serial
from ccnet_edge.spec.complexity import ImageComplexity
from ccnet_edge.spec.plan import Limits
from ccnet_edge.spec.report import MemoryReport

ENGINE = "onnxruntime"
MIB = 2**20
# Peaks of the engine's own default and of the other candidates beside the standing options.
COMPARED = {
    "extended, no pattern (standing)": STANDING,
    "all, no pattern": replace(STANDING, optimisation="all"),
    "all, pattern (engine's default)": replace(STANDING, optimisation="all", memory_pattern=True),
    "extended, no arena": replace(STANDING, arena=False),
}
# J by scale, CC21 Table 1.
LYMPH_NODE = (0.1518, 0.0857, 0.0655, 0.0496, 0.0375)
DRIVE = (0.0362, 0.0303, 0.0284, 0.0269, 0.0255)


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
class PlannedPeak:
    """A plan for a RAM budget, and the peak of the process that ran it a hundred times.

    The solver looks for networks that the model thinks cheap, so this is its hardest test.
    """

    widths: tuple[int, ...]
    size: int
    ram_mib: float
    predicted_mib: float
    measured_mib: float
    inside: bool


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
    plans_inside: str
    plans: tuple[PlannedPeak, ...]
    options: tuple[OptionsPeak, ...]


def fit(points: Sequence[MemoryPoint], *, base_bytes: int) -> EngineMemory:
    """The model with factors ≥ 0, none of the fitted points above it, and little above them.

    "Little" is the mean over the points of predicted over measured, of whole processes.
    """
    fitted = [point for point in points if point.fitted]
    # In MiB: the solver's tolerances are absolute.
    terms = np.array([_terms_mib(point.load) for point in fitted])
    peaks = np.array([point.peak_bytes / MIB for point in fitted])
    relative = terms / peaks[:, None]
    over_base = peaks - base_bytes / MIB
    solved = linprog(relative.sum(axis=0), A_ub=-terms, b_ub=-over_base, bounds=(0, None))
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
    ratios = sorted(model.predict_bytes(point.load) / point.peak_bytes for point in points)
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


def plan_peaks(work: Path) -> Iterator[PlannedPeak]:
    """Plans for RAM budgets alone, on data of two complexities, run as the gate runs them."""
    preset = find_preset("cc21", architecture="unet", metric="f1")
    budgets = ((80, 128), (100, 256), (150, 256), (100, 512), (150, 512), (256, 512), (384, 512))
    for complexity in (LYMPH_NODE, DRIVE):
        for ram_mib, size in budgets:
            solution = solve(
                ARCHITECTURES["unet"](3, 1),
                ImageComplexity.given(complexity),
                preset,
                Limits(ram_bytes=ram_mib * MIB),
                height=size,
                width=size,
            )
            case = Case(widths=solution.widths, height=size, width=size, inferences=100)
            peak = max(report.peak_bytes for report in measured(case, work).reports)
            assert solution.estimate.ram_bytes is not None
            yield PlannedPeak(
                widths=solution.widths,
                size=size,
                ram_mib=ram_mib,
                predicted_mib=round(solution.estimate.ram_bytes / MIB, 1),
                measured_mib=round(peak / MIB, 1),
                inside=peak <= ram_mib * MIB,
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
        peak_bytes=max(report.peak_bytes for report in reports),
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
    load_model.cache_clear()
    print(write_result("engine_memory", _figures(model, reports, tuple(plan_peaks(work)))))


def _figures(
    model: EngineMemory,
    reports: Sequence[tuple[MemoryReport, ...]],
    plans: tuple[PlannedPeak, ...],
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
        plans_inside=f"{sum(plan.inside for plan in plans)} of {len(plans)}",
        plans=plans,
        options=tuple(compare_options()),
    )


if __name__ == "__main__":
    main()
