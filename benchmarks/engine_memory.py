"""Peak memory of engines' processes on many networks, and the models that planning uses.

    nice python -m benchmarks.engine_memory --work /tmp/engine_memory     # about 20 minutes

Every point is a U-Net with random weights that was run in fresh processes of the device wing. The
constants of each model are fitted to the points of one seed; points of another seed are held
out and never seen by it. Writes constants and points into the package (ccnet_edge/cost/), figures
and a plot of all errors into results/. A second run goes on where it was killed.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.memory_cases import Case, cases, measured
from benchmarks.memory_fit import Errors, errors, fit_group, groups, setups_of
from benchmarks.memory_plot import plot_errors
from benchmarks.protocol import RESULTS, write_result
from ccnet_edge.architectures import ARCHITECTURES
from ccnet_edge.cost import engine_memory
from ccnet_edge.cost.engine_memory import (
    MODELS,
    EngineMemory,
    Fit,
    MemoryPoint,
    load_model,
    standing,
)
from ccnet_edge.degradation import find_preset
from ccnet_edge.device.environment import environment, installed_versions
from ccnet_edge.solver import solve
from ccnet_edge.spec import serial
from ccnet_edge.spec.complexity import ImageComplexity
from ccnet_edge.spec.plan import Limits
from ccnet_edge.spec.report import MemoryReport

MIB = 2**20
# J by scale, CC21 Table 1, of the lymph node and the DRIVE images.
COMPLEXITIES = ((0.1518, 0.0857, 0.0655, 0.0496, 0.0375), (0.0362, 0.0303, 0.0284, 0.0269, 0.0255))
BUDGETS_MIB = ((90, 128), (110, 256), (100, 384))


@dataclass(frozen=True, kw_only=True)
class GroupErrors:
    """Errors of one engine and precision, of options that repeat or of those that do not."""

    engine: str
    precision: str
    repeats: bool
    fitted: Errors
    held_out: Errors


@dataclass(frozen=True, kw_only=True)
class PlannedPeak:
    """A plan for a RAM budget alone, and the peak of the process that ran it.

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
    """What results/engine_memory.json holds; `held_out` is over all options that repeat."""

    held_out: Errors
    groups: tuple[GroupErrors, ...]
    plans_inside: str
    plans: tuple[PlannedPeak, ...]


def main() -> None:
    """Measure, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for finished points")
    work = parser.parse_args().work
    models = [_model(engine, work) for engine in MODELS]
    for model in models:
        path = Path(engine_memory.__file__).with_name(MODELS[model.engine])
        print(serial.save(model, path))
    load_model.cache_clear()
    print(write_result("engine_memory", _figures(models, tuple(plan_peaks(work)))))
    print(plot_errors(models, RESULTS / "engine_memory.svg"))


def _model(engine: str, work: Path) -> EngineMemory:
    listed = [case for case in cases() if case.options.engine == engine]
    # NOTE: in any order, so that what is measured of a run that was cut short is of every kind.
    random.Random(0).shuffle(listed)
    points, reports = [], []
    for number, case in enumerate(listed, start=1):
        found = measured(case, work).reports
        points.append(_point(case, found))
        reports += found
        peaks = " ".join(f"{report.peak_bytes / MIB:.1f}" for report in found)
        print(f"{engine} {number}/{len(listed)}  {case.name}  {peaks} MiB", flush=True)
    points.sort(key=lambda point: (not point.fitted, serial.to_json(point)))
    fits: list[Fit] = []
    for group in groups([point for point in points if point.fitted]).values():
        fits += fit_group(group, setups_of(group))
    return EngineMemory(
        engine=engine,
        version=dict(installed_versions([engine]))[engine],
        environment=environment(),
        base_bytes=max(report.base_bytes for report in reports),
        fits=tuple(fits),
        points=tuple(points),
    )


def _point(case: Case, reports: Sequence[MemoryReport]) -> MemoryPoint:
    return MemoryPoint(
        widths=case.widths,
        in_channels=case.in_channels,
        outputs=case.outputs,
        height=case.height,
        width=case.width,
        precision=case.precision,
        options=case.options,
        fitted=case.fitted,
        peaks_bytes=tuple(report.peak_bytes for report in reports),
    )


def _figures(models: Sequence[EngineMemory], plans: tuple[PlannedPeak, ...]) -> EngineMemoryFigures:
    found = []
    for model in models:
        held_out = groups([point for point in model.points if not point.fitted])
        for (precision, repeats), fitted in groups([p for p in model.points if p.fitted]).items():
            found.append(
                GroupErrors(
                    engine=model.engine,
                    precision=precision,
                    repeats=repeats,
                    fitted=errors(model.fits, fitted),
                    held_out=errors(model.fits, held_out[precision, repeats]),
                )
            )
    return EngineMemoryFigures(
        held_out=errors(
            [fit for model in models for fit in model.fits],
            [p for model in models for p in model.points if not p.fitted and p.options.arena],
        ),
        groups=tuple(found),
        plans_inside=f"{sum(plan.inside for plan in plans)} of {len(plans)}",
        plans=plans,
    )


def plan_peaks(work: Path) -> Iterator[PlannedPeak]:
    """Plans for RAM budgets alone, on data of two complexities, run as the gate runs them."""
    preset = find_preset("cc21", architecture="unet", metric="f1")
    for complexity in COMPLEXITIES:
        for ram_mib, size in BUDGETS_MIB:
            solution = solve(
                ARCHITECTURES["unet"](3, 1),
                ImageComplexity.given(complexity),
                preset,
                Limits(ram_bytes=ram_mib * MIB),
                height=size,
                width=size,
            )
            case = Case(
                widths=solution.widths,
                height=size,
                width=size,
                precision="fp32",
                options=standing("onnxruntime"),
                repeats=2,
            )
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


if __name__ == "__main__":
    main()
